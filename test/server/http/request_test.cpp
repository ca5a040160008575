#include "server/http/request.h"

#include <doctest/doctest.h>

namespace divan::server {
namespace {

using Parts = std::vector<std::string>;

Request parsed(std::string_view target) {
    Request request;
    parse_target(target, request).value();
    return request;
}

}  // namespace

TEST_CASE("targets: segments are decoded one by one, doubled and trailing slashes dropped") {
    struct Case {
        const char* target;
        Parts segments;
    };
    const Case cases[] = {
        {"/", {}},
        {"//", {}},
        {"/db", {"db"}},
        {"//db//doc/", {"db", "doc"}},
        {"/db/a%2Fb", {"db", "a/b"}},
        {"/db/a+b", {"db", "a b"}},
        {"/db/a%2Bb", {"db", "a+b"}},
        {"/db/a%20b?x=/y", {"db", "a b"}},
        {"/db/./..", {"db", ".", ".."}},
        {"/db/%c3%A9", {"db", "\xc3\xa9"}},
        {"http://host:1/db/doc", {"db", "doc"}},
        {"http://host", {}},
        {"/db#part", {"db"}},
    };
    for (const auto& one : cases) {
        CAPTURE(one.target);
        CHECK(parsed(one.target).segments == one.segments);
    }
}

TEST_CASE("targets: the raw path keeps its escapes and its last slash") {
    CHECK(parsed("//db//_design%2fd/?x").raw_path == "/db/_design%2fd/");
    CHECK(parsed("/db/a%2Fb").raw_segments == Parts{"db", "a%2Fb"});
    CHECK(parsed("/").raw_path == "/");
}

TEST_CASE("queries: pairs are decoded, the last one of a name counts") {
    const auto request = parsed("/db?key=%22a+b%22&limit=1&limit=2;skip=3&empty=&bare&=x&a=b=c");
    CHECK(*request.parameter("key") == "\"a b\"");
    CHECK(*request.parameter("limit") == "2");
    CHECK(*request.parameter("skip") == "3");
    CHECK(request.parameter("empty")->empty());
    CHECK(request.parameter("bare")->empty());
    CHECK(*request.parameter("a") == "b=c");
    CHECK(request.parameter("none") == nullptr);
    CHECK(request.query.size() == 8);
}

TEST_CASE("targets: a bad escape anywhere is refused") {
    for (const char* bad : {"/%", "/db%", "/db/%2", "/db/a%zz", "/db/a?x=%", "/a%%41", "/?%g1=1"}) {
        CAPTURE(bad);
        Request request;
        CHECK(parse_target(bad, request).error().code == Code::invalid_url_encoding);
    }
    Request request;
    CHECK(parse_target("*", request).error().code == Code::bad_request);
    CHECK(parse_target("", request).error().code == Code::bad_request);
}

TEST_CASE("quoting: database names as mochiweb does it, document ids as couch_util does") {
    CHECK(url_quote("a b(c)/d~e.f-g_h") == "a+b%28c%29%2Fd~e.f-g_h");
    CHECK(url_encode("a b:c/d~\xc3\xa9") == "a%20b:c%2Fd%7E%C3%A9");
    CHECK(url_decode("a%20b+c").value() == "a b c");
    CHECK(url_decode("%x").error().code == Code::invalid_url_encoding);
}

TEST_CASE("absolute addresses: Host, or what a proxy says") {
    Request request;
    request.local_address = "127.0.0.1:5984";
    CHECK(absolute_uri(request, "/db") == "http://127.0.0.1:5984/db");
    request.headers = {{"host", "example.org"}};
    CHECK(absolute_uri(request, "/db") == "http://example.org/db");
    request.headers.push_back({"x-forwarded-host", "front.example"});
    request.headers.push_back({"x-forwarded-proto", "https"});
    CHECK(absolute_uri(request, "/db") == "https://front.example/db");
}

}  // namespace divan::server
