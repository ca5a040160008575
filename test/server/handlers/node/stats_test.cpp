#include "server/handlers/node/stats.h"

#include <doctest/doctest.h>

namespace divan::server {
namespace {

const std::vector<Stat> stats = {
    {{"couchdb", "httpd", "requests"}, "number of HTTP requests", 7, false},
    {{"couchdb", "httpd_status_codes", "200"}, "ok", 5, false},
    {{"couchdb", "open_databases"}, "open", 2, true},
};

}  // namespace

TEST_CASE("stats: a path leads to a branch, a leaf, or null") {
    CHECK(stats_json(stats, {"couchdb", "httpd", "requests"}) ==
          R"({"value":7,"type":"counter","desc":"number of HTTP requests"})");
    CHECK(stats_json(stats, {"couchdb", "httpd"}) ==
          R"({"requests":{"value":7,"type":"counter","desc":"number of HTTP requests"}})");
    CHECK(stats_json(stats, {}).starts_with(R"({"couchdb":{"httpd":{"requests":{"value":7)"));
    CHECK(stats_json(stats, {"no", "such"}) == "null");
    CHECK(stats_json(stats, {"couchdb", "open_databases", "value"}) == "null");
}

TEST_CASE("stats: Prometheus reads totals, gauges and labels") {
    const auto text = prometheus_text(stats);
    for (const char* line : {
             "\n# TYPE couchdb_httpd_requests_total counter\ncouchdb_httpd_requests_total 7\n",
             "\n# TYPE couchdb_open_databases gauge\ncouchdb_open_databases 2\n",
             "\ncouchdb_httpd_status_codes{code=\"200\"} 5\n",
             "\n# TYPE couchdb_uptime_seconds gauge\n",
         }) {
        CAPTURE(line);
        CHECK(text.find(line) != std::string::npos);
    }
}

}  // namespace divan::server
