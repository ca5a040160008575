#include "server/handlers/design/rewrite_rules.h"

#include <doctest/doctest.h>

namespace divan::server {
namespace {

std::string rewritten(std::string_view rules, std::string_view target,
                      std::string_view method = "GET", bool secure = true) {
    Request request;
    parse_target(target, request).value();
    const auto found = apply_rewrite_rules(parse_json(rules).value(),
                                           {method, request.segments, request.query}, secure);
    return found ? join_rewritten("/db/_design/d", *found) : "none";
}

}  // namespace

TEST_CASE("rules bind names and the rest of a path") {
    CHECK(rewritten(R"([{"from":"/doc/:id","to":"../../:id"}])", "/doc/a") == "/db/a?id=a");
    CHECK(rewritten(R"([{"from":"/doc/:id","to":"../../:id"}])", "/doc/c%20d") == "/db/c+d?id=c+d");
    CHECK(rewritten(R"([{"from":"/s/*","to":"_show/s/*"}])", "/s/a/b?x=1") ==
          "/db/_design/d/_show/s/a/b?x=1");
    CHECK(rewritten(R"([{"from":"","to":"_show/s"}])", "/") == "/db/_design/d/_show/s");
    CHECK(rewritten(R"([{"from":"/doc/:id","to":"x"}])", "/doc") == "none");
    CHECK(rewritten(R"([{"from":"/doc","to":"x"}])", "/doc/a") == "none");
    CHECK(rewritten(R"([{"to":"x"}])", "/what/ever") == "/db/_design/d/x");
}

TEST_CASE("rules fill parameters, as JSON where those are JSON") {
    CHECK(rewritten(R"([{"from":"/v/:n","to":"_view/v","query":{"key":":n"},)"
                    R"("formats":{"n":"int"}}])",
                    "/v/2") == "/db/_design/d/_view/v?key=2&n=2");
    CHECK(rewritten(R"([{"from":"/v/:n","to":"v","query":{"key":":n"}}])", "/v/2") ==
          "/db/_design/d/v?key=%222%22&n=2");
    CHECK(rewritten(R"([{"from":"/r/:a","to":"v","query":{"startkey":[":a",1]}}])", "/r/x") ==
          "/db/_design/d/v?startkey=%5B%22x%22%2C1%5D&a=x");
    CHECK(rewritten(R"([{"from":"/all","to":"v","query":{"limit":"2"}}])", "/all?limit=1&a=b") ==
          "/db/_design/d/v?limit=2&a=b");
}

TEST_CASE("rules look at the method, in order") {
    const auto rules = R"([{"from":"/a","to":"one","method":"POST"},{"from":"/a","to":"two"}])";
    CHECK(rewritten(rules, "/a", "POST") == "/db/_design/d/one");
    CHECK(rewritten(rules, "/a", "GET") == "/db/_design/d/two");
    CHECK(rewritten("[1,null]", "/a") == "none");
}

TEST_CASE("rules stay within their database, and paths within the server") {
    CHECK_THROWS_AS(rewritten(R"([{"from":"/a","to":"../../../_users"}])", "/a"), Refused);
    CHECK(rewritten(R"([{"from":"/a","to":"../../../_users"}])", "/a", "GET", false) == "/_users");
    CHECK(join_rewritten("/db/_design/d", "../../../../../x?a=../b") == "/x?a=../b");
    CHECK(join_rewritten("/db/_design/d", "..") == "/db/_design");
}

}  // namespace divan::server
