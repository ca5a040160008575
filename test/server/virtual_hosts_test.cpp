#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <utility>

#include "server/config/config.h"
#include "server/virtual_hosts.h"

namespace divan::server {
namespace {

using Rules = std::initializer_list<std::pair<const char*, const char*>>;

struct Asked {
    std::string target;     ///< What the request became.
    std::string requested;  ///< What functions see as asked for; "-" where nothing was changed.
};

Asked ask(Rules rules, const std::string& host, const std::string& target) {
    Config config;
    for (const auto& [address, path] : rules) config.set("vhosts", address, path, false).value();
    Request request;
    request.target = target;
    parse_target(target, request).value();
    request.headers = {{"host", host}};
    VirtualHosts(config).apply(request);
    const auto* requested = request.header(vhost_path_header);
    return {request.target, requested == nullptr ? "-" : *requested};
}

}  // namespace

TEST_CASE("a virtual host leads to its path, and others to where they were sent") {
    const Rules rules = {{"example.com", "/db"}};
    CHECK(ask(rules, "example.com", "/").target == "/db/");
    CHECK(ask(rules, "example.com", "/doc?revs=true").target == "/db/doc?revs=true");
    CHECK(ask(rules, "example.com", "/doc?revs=true").requested == "/doc?revs=true");
    CHECK(ask(rules, "example.com:5984", "/doc").target == "/db/doc");
    CHECK(ask(rules, "www.example.com", "/doc").requested == "-");
    CHECK(ask(rules, "com", "/doc").requested == "-");
    CHECK(ask({{"example.com", "/"}}, "example.com", "/").target == "/");
}

TEST_CASE("a virtual host keeps the server's own addresses") {
    for (const char* path : {"/_session", "/_uuids?count=2", "/_utils/", "/_users/x"}) {
        CHECK(ask({{"example.com", "/db"}}, "example.com", path).target == path);
    }
    CHECK(ask({{"example.com", "/db"}}, "example.com", "/_all_docs").target == "/db/_all_docs");
}

TEST_CASE("a virtual host takes names and wildcards from the host") {
    CHECK(ask({{"*.example.com", "/db/_design/d/_rewrite"}}, "x.example.com", "/y").target ==
          "/db/_design/d/_rewrite/y");
    CHECK(ask({{"*.example.com", "/db"}}, "example.com", "/y").requested == "-");
    CHECK(ask({{":dbname.example.com", "/:dbname"}}, "notes.example.com", "/").target ==
          "/notes/");
    CHECK(ask({{":app.:db.example.com", "/:db/_design/:app/_rewrite/"}}, "a.notes.example.com",
              "/x")
              .target == "/notes/_design/a/_rewrite/x");
    CHECK(ask({{"*.example.com/test", "/*"}}, "notes.example.com", "/test/doc").target ==
          "/notes/doc");
    CHECK(ask({{"example.com", "/:none"}}, "example.com", "/x").target == "/undefined/x");
}

TEST_CASE("a virtual host may be of a port, or of a path") {
    const Rules rules = {{"example.com/test", "/a"}, {"example.com:81", "/b"}, {"*/all", "/c"}};
    CHECK(ask(rules, "example.com", "/test/doc").target == "/a/doc");
    CHECK(ask(rules, "example.com", "/testing").requested == "-");
    CHECK(ask(rules, "example.com:81", "/doc").target == "/b/doc");
    CHECK(ask(rules, "example.com:82", "/doc").requested == "-");
    CHECK(ask(rules, "other.org", "/all/doc").target == "/c/doc");
}

TEST_CASE("of several virtual hosts the one without names is tried first") {
    const Rules rules = {{"*.example.com", "/any"}, {":x.example.com", "/named"},
                         {"www.example.com", "/www"}};
    CHECK(ask(rules, "www.example.com", "/d").target == "/www/d");
    CHECK(ask(rules, "blog.example.com", "/d").target == "/named/d");
    CHECK(ask(rules, "a.b.example.com", "/d").target == "/any/d");
}

}  // namespace divan::server
