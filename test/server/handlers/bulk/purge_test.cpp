#include "server/handlers/bulk/purge.h"

#include <doctest/doctest.h>

#include "server/handlers/bulk/bulk.h"
#include "storage/database/read_view.h"
#include "test/server/handlers/handler_host.h"

namespace divan::server {

TEST_CASE("_purge tells of each id the leaves that are gone") {
    HandlerHost host;
    host.post(post_bulk_docs, R"({"new_edits":false,"docs":[)"
                              R"({"_id":"a","_revisions":{"start":2,"ids":["c","r"]}},)"
                              R"({"_id":"a","_revisions":{"start":2,"ids":["b","r"]}}]})");
    CHECK(host.post(post_purge, R"({"a":["9-x","2-c","1-r"],"none":["1-z"]})") ==
          Reply{201, R"({"purge_seq":null,"purged":{"a":["2-c"],"none":[]}})"
                     "\n",
                "application/json"});
    CHECK(to_string(host.database().view()->head("a")->winner) == "2-b");
    CHECK(host.post(post_purge, R"({"a":["2-b"]})").body ==
          "{\"purge_seq\":null,\"purged\":{\"a\":[\"2-b\"]}}\n");
    CHECK_FALSE(host.database().view()->head("a"));
    host.post(post_purge, R"({"a":["2-b"]})");
    CHECK(host.post(post_purge, "{}").body == "{\"purge_seq\":null,\"purged\":{}}\n");

    CHECK(host.database().state().purge_sequence == 4);
    CHECK(host.get(get_purged_infos).body ==
          R"({"purged_infos":[{"id":"a","revs":["1-r","2-c","9-x"]},{"id":"a","revs":["2-b"]},)"
          R"({"id":"none","revs":["1-z"]}]})"
          "\n");
}

TEST_CASE("_purge refuses too much, and what is no list of revisions") {
    HandlerHost host;
    host.config.set("purge", "max_document_id_number", "2", false).value();
    host.config.set("purge", "max_revisions_number", "3", false).value();
    const struct {
        std::string sent;
        std::string reason;
    } cases[] = {
        {R"({"a":[],"b":[],"c":[]})", "Exceeded maximum number of documents."},
        {R"({"a":["1-a","1-b"],"b":["1-a","1-b"]})", "Exceeded maximum number of revisions."},
        {R"({"a":"x"})", "Invalid list of revisions"},
        {R"({"a":[5]})", "Invalid rev format"},
        {R"({"a":["nonsense"]})", "Invalid rev format"},
        {R"([])", "Request body must be a JSON object"},
        {R"({"a")", "invalid UTF-8 JSON"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.sent);
        CHECK(host.post(post_purge, one.sent).body ==
              R"({"error":"bad_request","reason":")" + one.reason + "\"}\n");
    }
    CHECK(host.database().state().purge_sequence == 0);
}

TEST_CASE("_purged_infos_limit takes positive integers alone") {
    HandlerHost host;
    CHECK(host.get(get_purged_infos_limit).body == "1000\n");
    for (const std::string bad : {"0", "-1", "\"5\"", "1.5"}) {
        CAPTURE(bad);
        CHECK(host.post(put_purged_infos_limit, bad).body ==
              "{\"error\":\"bad_request\",\"reason\":\"`purged_infos_limit` must be positive "
              "integer\"}\n");
    }
    CHECK(host.post(put_purged_infos_limit, "5").body == "{\"ok\":true}\n");
    CHECK(host.get(get_purged_infos_limit).body == "5\n");
}

}  // namespace divan::server
