#include "server/handlers/node/stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "server/handlers/node/process_info.h"
#include "storage/base/json.h"

namespace divan::server {
namespace {

struct StatusText {
    int code;
    std::string_view text;
};

constexpr StatusText statuses[] = {
    {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
    {206, "Partial Content"}, {301, "Moved Permanently"}, {302, "Found"}, {304, "Not Modified"},
    {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
    {405, "Method Not Allowed"}, {406, "Not Acceptable"}, {409, "Conflict"},
    {412, "Precondition Failed"}, {413, "Request Entity Too Long"}, {414, "Request URI Too Long"},
    {415, "Unsupported Media Type"}, {416, "Requested Range Not Satisfiable"},
    {417, "Expectation Failed"}, {500, "Internal Server Error"}, {501, "Not Implemented"},
    {503, "Service unavailable"}, {507, "Insufficient Storage"},
};

std::string leaf_json(const Stat& stat) {
    return fmt::format(R"({{"value":{},"type":"counter","desc":{}}})", stat.value,
                       json_string(stat.meaning));
}

/// The object of the stats that share the first `depth` names; they are sorted by path.
std::string tree_json(std::span<const Stat> stats, std::size_t depth) {
    if (stats.size() == 1 && stats.front().path.size() == depth) return leaf_json(stats.front());
    std::string text = "{";
    while (!stats.empty()) {
        const std::string& name = stats.front().path[depth];
        std::size_t same = 1;
        while (same < stats.size() && stats[same].path[depth] == name) ++same;
        if (text.size() > 1) text += ',';
        text += json_string(name) + ':' + tree_json(stats.first(same), depth + 1);
        stats = stats.subspan(same);
    }
    return text + '}';
}

void append_metric(std::string& out, std::string_view name, std::string_view type,
                   std::string_view meaning, std::uint64_t value) {
    out += fmt::format("\n# HELP couchdb_{0} {2}\n# TYPE couchdb_{0} {1}\ncouchdb_{0} {3}\n", name,
                       type, meaning, value);
}

/// "httpd_status_codes{code="200"} 7", all of one `group` under one heading.
void append_labelled(std::string& out, std::string_view group, std::string_view label,
                     std::string_view meaning, const std::vector<Stat>& stats) {
    out += fmt::format("\n# HELP couchdb_{0} {1}\n# TYPE couchdb_{0} counter\n", group, meaning);
    for (const Stat& stat : stats) {
        if (stat.path[1] != group) continue;
        out += fmt::format("couchdb_{}{{{}=\"{}\"}} {}\n", group, label, stat.path[2], stat.value);
    }
}

/// CouchDB's names: all in "couch_replicator".
class ReplicationStats {
public:
    explicit ReplicationStats(std::vector<Stat>& stats) : stats_(stats) {}
    void operator()(std::vector<std::string> path, std::string meaning, std::uint64_t value,
                    bool gauge = false) {
        path.insert(path.begin(), "couch_replicator");
        stats_.push_back({std::move(path), std::move(meaning), value, gauge});
    }

private:
    std::vector<Stat>& stats_;
};

// `open`, `retries`, `throttled` and `copies` are our own.
void add_replicator_traffic(const ReplicationMetrics& metrics, std::vector<Stat>& stats) {
    ReplicationStats add(stats);
    add({"changes_read_failures"}, "number of changes feeds that broke off", metrics.feeds_broken);
    add({"checkpoints", "failure"}, "number of checkpoints that could not be written",
        metrics.checkpoints_failed);
    add({"checkpoints", "success"}, "number of checkpoints written", metrics.checkpoints_written);
    add({"connect_to_applied"}, "number of requests that connect_to led elsewhere",
        metrics.connections_redirected);
    add({"connection", "acquires"}, "number of times a connection was used again",
        metrics.connections_reused);
    add({"connection", "closes"}, "number of connections closed", metrics.connections_closed);
    add({"connection", "creates"}, "number of connections opened", metrics.connections_created);
    add({"connection", "open"}, "connections of the replicator that are open",
        metrics.connections_open, true);
    add({"connection", "releases"}, "number of times a connection was given back",
        metrics.connections_released);
    add({"copies", "documents_read"}, "number of documents read from sources",
        metrics.documents_read);
    add({"copies", "documents_written"}, "number of documents written to targets",
        metrics.documents_written);
    add({"copies", "write_failures"}, "number of documents that targets refused",
        metrics.document_write_failures);
    add({"requests"}, "number of requests of the replicator", metrics.requests);
    add({"responses", "failure"}, "number of requests that failed", metrics.responses_failed);
    add({"responses", "success"}, "number of requests that were answered", metrics.responses_good);
    add({"retries"}, "number of requests tried again after a failure", metrics.retries);
    add({"stream_responses", "failure"}, "number of changes feeds that did not begin",
        metrics.feeds_failed);
    add({"stream_responses", "success"}, "number of changes feeds that began",
        metrics.feeds_good);
    add({"throttled"}, "number of answers that asked for fewer requests", metrics.throttled);
}

void add_replication_stats(const ReplicationMetrics& metrics, std::vector<Stat>& stats) {
    ReplicationStats add(stats);
    add({"db_scans"}, "number of looks for databases of replication documents",
        metrics.database_scans);
    add({"docs", "completed_state_updates"}, "number of documents marked as completed",
        metrics.completed_documents);
    add({"docs", "db_changes"}, "number of changes of replication documents",
        metrics.document_changes);
    add({"docs", "dbs_deleted"}, "number of databases of replication documents that went",
        metrics.databases_deleted);
    add({"docs", "dbs_found"}, "number of databases of replication documents that came",
        metrics.databases_found);
    add({"docs", "failed_state_updates"}, "number of documents marked as failed",
        metrics.failed_documents);
    add({"failed_starts"}, "number of replications that did not start", metrics.failed_starts);
    add({"jobs", "adds"}, "number of replication jobs added", metrics.jobs_added);
    add({"jobs", "crashed"}, "replication jobs that have crashed and will come back",
        metrics.jobs_crashed, true);
    add({"jobs", "crashes"}, "number of crashes of replication jobs", metrics.jobs_crashes);
    add({"jobs", "duplicate_adds"}, "number of replication jobs that were there already",
        metrics.jobs_added_again);
    add({"jobs", "pending"}, "replication jobs that wait", metrics.jobs_pending, true);
    add({"jobs", "removes"}, "number of replication jobs removed", metrics.jobs_removed);
    add({"jobs", "running"}, "replication jobs that run", metrics.jobs_running, true);
    add({"jobs", "starts"}, "number of starts of replication jobs", metrics.jobs_started);
    add({"jobs", "stops"}, "number of stops of replication jobs", metrics.jobs_stopped);
    add({"jobs", "total"}, "replication jobs", metrics.jobs_total, true);
}

}  // namespace

std::vector<Stat> read_stats(const Services& services) {
    const Metrics& metrics = services.metrics;
    std::vector<Stat> stats = {
        {{"couchdb", "database_reads"}, "number of times a document was read from a database",
         metrics.document_reads, false},
        {{"couchdb", "document_writes"}, "number of document write operations",
         metrics.document_writes, false},
        {{"couchdb", "httpd", "open_connections"}, "number of open connections",
         metrics.open_connections, true},
        {{"couchdb", "httpd", "requests"}, "number of HTTP requests", metrics.requests, false},
        {{"couchdb", "open_databases"}, "number of open databases",
         services.catalog.open_databases().size(), true},
        {{"divan", "audit_events"}, "number of events written to the audit log",
         metrics.audit_events, false},
        {{"divan", "audit_failures"}, "number of writes to the audit log that failed",
         metrics.audit_failures, false},
        {{"divan", "audit_lost"}, "number of events that the audit log does not have",
         metrics.audit_lost, false},
        {{"divan", "rate_limited"}, "number of requests beyond a rate limit",
         metrics.rate_limited, false},
    };
    add_replication_stats(metrics.replication, stats);
    add_replicator_traffic(metrics.replication, stats);
    for (std::size_t i = 0; i < Metrics::methods.size(); ++i) {
        stats.push_back({{"couchdb", "httpd_request_methods", std::string(Metrics::methods[i])},
                         fmt::format("number of HTTP {} requests", Metrics::methods[i]),
                         metrics.request_methods[i], false});
    }
    for (const StatusText& status : statuses) {
        stats.push_back({{"couchdb", "httpd_status_codes", std::to_string(status.code)},
                         fmt::format("number of HTTP {} {} responses", status.code, status.text),
                         metrics.status_codes[static_cast<std::size_t>(status.code)], false});
    }
    std::sort(stats.begin(), stats.end(),
              [](const Stat& a, const Stat& b) { return a.path < b.path; });
    return stats;
}

std::string stats_json(const std::vector<Stat>& stats, const std::vector<std::string>& path) {
    std::vector<Stat> below;
    for (const Stat& stat : stats) {
        const bool inside = stat.path.size() >= path.size() &&
                            std::equal(path.begin(), path.end(), stat.path.begin());
        if (inside) below.push_back(stat);
    }
    return below.empty() ? "null" : tree_json(below, path.size());
}

std::string prometheus_text(const std::vector<Stat>& stats) {
    const ProcessInfo process = read_process_info();
    std::string out;
    append_metric(out, "uptime_seconds", "gauge", "seconds since the server started",
                  process.uptime_seconds);
    append_metric(out, "process_resident_bytes", "gauge", "memory in use",
                  process.resident_bytes);
    append_metric(out, "process_count", "gauge", "threads of the server", process.threads);
    for (const Stat& stat : stats) {
        if (stat.path[1] == "httpd_status_codes" || stat.path[1] == "httpd_request_methods") {
            continue;
        }
        const auto first = stat.path.begin() + std::ptrdiff_t(stat.path[0] != "couch_replicator");
        std::string name = fmt::format("{}", fmt::join(first, stat.path.end(), "_"));
        if (!stat.gauge) name += "_total";
        append_metric(out, name, stat.gauge ? "gauge" : "counter", stat.meaning, stat.value);
    }
    append_labelled(out, "httpd_request_methods", "method", "number of HTTP requests by method",
                    stats);
    append_labelled(out, "httpd_status_codes", "code", "number of HTTP responses by status code",
                    stats);
    return out;
}

std::string system_json() {
    const ProcessInfo process = read_process_info();
    return fmt::format(
        R"({{"uptime":{},"memory":{{"processes_used":{},"peak":{}}},"run_queue":0,)"
        R"("context_switches":{},"io_input":{},"io_output":{},"os_proc_count":0,)"
        R"("process_count":{},"message_queues":{{}},"internal_replication_jobs":0}})",
        process.uptime_seconds, process.resident_bytes, process.resident_bytes_max,
        process.context_switches, process.read_bytes, process.written_bytes, process.threads);
}

}  // namespace divan::server
