#include "server/handlers/bulk/revisions.h"

#include <doctest/doctest.h>

#include "server/handlers/bulk/bulk.h"
#include "test/server/handlers/handler_host.h"

namespace divan::server {
namespace {

// Leaves 2-b, 4-d and the deleted 3-c on one root.
void make_leaves(HandlerHost& host) {
    const auto reply = host.post(
        post_bulk_docs, R"({"new_edits":false,"docs":[)"
                        R"({"_id":"a","_revisions":{"start":2,"ids":["b","r"]}},)"
                        R"({"_id":"a","_revisions":{"start":4,"ids":["d","c2","b2","r"]}},)"
                        R"({"_id":"a","_revisions":{"start":3,"ids":["c","b3","r"]},)"
                        R"("_deleted":true}]})");
    REQUIRE(reply.body == "[]\n");
}

}  // namespace

TEST_CASE("_revs_diff and _missing_revs tell what is missing, sorted") {
    HandlerHost host;
    make_leaves(host);
    const struct {
        std::string asked;
        std::string diff;
        std::string missing;
    } cases[] = {
        {R"({})", "{}", "{}"},
        {R"({"a":[]})", "{}", "{}"},
        {R"({"a":["1-r","2-b","3-c","4-d","2-b2"]})", "{}", "{}"},
        {R"({"a":["3-z","2-b","2-y"]})",
         R"({"a":{"missing":["2-y","3-z"],"possible_ancestors":["2-b"]}})",
         R"({"a":["2-y","3-z"]})"},
        {R"({"a":["5-x"]})",
         R"({"a":{"missing":["5-x"],"possible_ancestors":["4-d","2-b","3-c"]}})",
         R"({"a":["5-x"]})"},
        {R"({"a":["2-x"]})", R"({"a":{"missing":["2-x"]}})", R"({"a":["2-x"]})"},
        {R"({"a":["2-x","2-x"]})", R"({"a":{"missing":["2-x","2-x"]}})", R"({"a":["2-x","2-x"]})"},
        {R"({"a":["2-b","2-b","1-q"]})", R"({"a":{"missing":["1-q","2-b"]}})",
         R"({"a":["1-q","2-b"]})"},
        {R"({"none":["1-n"]})", R"({"none":{"missing":["1-n"]}})", R"({"none":["1-n"]})"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.asked);
        CHECK(host.post(post_revs_diff, one.asked).body == one.diff + "\n");
        CHECK(host.post(post_missing_revs, one.asked).body ==
              R"({"missing_revs":)" + one.missing + "}\n");
    }
}

TEST_CASE("_revs_diff of many ids answers them all") {
    HandlerHost host;
    std::string asked;
    for (int i = 0; i < 1000; ++i) {
        asked += (i > 0 ? "," : "") + ("\"d" + std::to_string(i)) + R"(":["1-a"])";
    }
    const auto reply = host.post(post_revs_diff, "{" + asked + "}");
    CHECK(parse_json(reply.body).value().members().size() == 1000);
}

TEST_CASE("_revs_diff and _missing_revs refuse what is no list of revisions") {
    HandlerHost host;
    for (const std::string bad : {R"([])", R"("x")", R"({"a":"1-x"})", R"({"a":["nonsense"]})",
                                  R"({"a":[1]})", R"({"a":)", ""}) {
        CAPTURE(bad);
        CHECK(host.post(post_revs_diff, bad).status == 400);
        CHECK(host.post(post_missing_revs, bad).status == 400);
    }
    HandlerHost::Sent plain;
    plain.body = "{}";
    plain.headers = {{"content-type", "text/plain"}};
    CHECK(host.call(post_revs_diff, plain).status == 415);
}

TEST_CASE("_revs_limit takes positive integers alone") {
    HandlerHost host;
    CHECK(host.get(get_revs_limit).body == "1000\n");
    for (const std::string bad : {"0", "-1", "\"5\"", "2.5", "null", "x", ""}) {
        CAPTURE(bad);
        CHECK(host.post(put_revs_limit, bad).status == 400);
    }
    CHECK(host.post(put_revs_limit, " 7 ").body == "{\"ok\":true}\n");
    CHECK(host.get(get_revs_limit).body == "7\n");
}

}  // namespace divan::server
