#include "server/handlers/changes/db_updates.h"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "server/handlers/bulk/bulk.h"
#include "server/handlers/changes/global_changes.h"
#include "test/server/handlers/handler_host.h"

namespace divan::server {
namespace {

// "type db_name" of each row of the feed, once it has `count` of them.
std::vector<std::string> rows_when(HandlerHost& host, std::size_t count,
                                   const std::string& query = "") {
    std::vector<std::string> rows;
    for (int tries = 0; tries < 12'000; ++tries) {
        rows.clear();
        const auto reply = host.get(get_db_updates, "/_db_updates" + query);
        REQUIRE(reply.status == 200);
        const auto feed = parse_json(reply.body).value();
        for (const auto& row : feed.find("results")->items()) {
            rows.push_back(row.find("type")->string() + " " + row.find("db_name")->string());
        }
        if (rows.size() >= count) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return rows;
}

}  // namespace

TEST_CASE("_db_updates needs the database that somebody must have made") {
    HandlerHost host;
    const GlobalChanges recorder(host.catalog(), host.config);
    CHECK(host.get(get_db_updates, "/_db_updates").body ==
          "{\"error\":\"not_found\",\"reason\":\"Database does not exist.\"}\n");
}

TEST_CASE("_db_updates tells what happened to databases, each event at its last time") {
    HandlerHost host;
    host.config.set("global_changes", "max_write_delay", "1", false).value();
    const GlobalChanges recorder(host.catalog(), host.config);
    host.catalog().create("_global_changes").value();
    CHECK(rows_when(host, 0).empty());

    host.catalog().create("one").value();
    CHECK(rows_when(host, 1) == std::vector<std::string>{"created one"});
    host.post(post_bulk_docs, R"({"docs":[{"_id":"a"}]})");
    CHECK(rows_when(host, 2) == std::vector<std::string>{"created one", "updated db"});
    host.catalog().erase("one");
    CHECK(rows_when(host, 3) ==
          std::vector<std::string>{"created one", "updated db", "deleted one"});
    CHECK(rows_when(host, 3, "?descending=true") ==
          std::vector<std::string>{"deleted one", "updated db", "created one"});
    CHECK(rows_when(host, 1, "?limit=1") == std::vector<std::string>{"created one"});
    CHECK(rows_when(host, 0, "?limit=0").empty());
    CHECK(rows_when(host, 0, "?since=now").empty());
}

TEST_CASE("_db_updates: what waits to be written is written at the end") {
    HandlerHost host;
    host.config.set("global_changes", "max_write_delay", "60000", false).value();
    host.catalog().create("_global_changes").value();
    {
        const GlobalChanges recorder(host.catalog(), host.config);
        host.catalog().create("one").value();
    }
    CHECK(rows_when(host, 1) == std::vector<std::string>{"created one"});
}

TEST_CASE("_db_updates refuses feeds and numbers that are none") {
    HandlerHost host;
    host.catalog().create("_global_changes").value();
    const struct {
        std::string query;
        std::string reason;
    } cases[] = {
        {"feed=bogus", "Supported `feed` types: normal, continuous, longpoll, eventsource"},
        {"limit=x", "invalid_integer"},
        {"timeout=-1", "invalid_integer"},
        {"heartbeat=", "invalid_integer"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.query);
        CHECK(host.get(get_db_updates, "/_db_updates?" + one.query).body ==
              R"({"error":"bad_request","reason":")" + one.reason + "\"}\n");
    }
}

TEST_CASE("_db_updates: a longpoll that finds nothing ends with its timeout") {
    HandlerHost host;
    host.catalog().create("_global_changes").value();
    const auto reply = host.get(get_db_updates, "/_db_updates?feed=longpoll&timeout=1");
    CHECK(reply.status == 200);
    const auto feed = parse_json(reply.body).value();
    CHECK(feed.find("results")->items().empty());
    CHECK(feed.find("last_seq")->string().starts_with("0-"));
}

}  // namespace divan::server
