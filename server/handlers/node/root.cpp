#include "server/handlers/node/root.h"

#include <fmt/format.h>

#include <charconv>

#include "replication/job_views.h"
#include "replication/replicator.h"
#include "server/config/config.h"
#include "server/handlers/documents/document_query.h"
#include "server/handlers/etag.h"
#include "server/handlers/json_body.h"
#include "server/handlers/node/cluster_setup.h"
#include "server/handlers/node/node_name.h"
#include "storage/query/js/functions.h"
#include "storage/query/view/views.h"

namespace divan::server {
namespace {

constexpr std::int64_t uuids_count_max = 1000;
constexpr std::int64_t uuids_hard_max = 1'000'000;  ///< Whatever the setting says.

Error bad_request(std::string reason) {
    return Error{Code::bad_request, std::move(reason), {}};
}

Result<std::int64_t> uuids_wanted(const Call& call) {
    const std::string* sent = first_parameter(call.request, "count");
    if (!sent) return 1;
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(sent->data(), sent->data() + sent->size(), count);
    const bool whole = end == sent->data() + sent->size();
    if ((error != std::errc() && error != std::errc::result_out_of_range) || !whole ||
        sent->starts_with('-')) {
        return bad_request("count must be a positive integer");
    }
    const auto most = std::min(
        call.services.config.get_integer("uuids", "max_count", uuids_count_max), uuids_hard_max);
    if (error != std::errc() || count > most) return bad_request("count parameter too large");
    return count;
}

std::string task_json(const storage::Database& database, std::int64_t now) {
    const auto state = database.state();
    const auto total = state.document_count + state.deleted_count;
    const auto done = std::min(database.compaction_progress(), total);
    return fmt::format(R"({{"node":"{}","pid":"<0.{}.0>","changes_done":{},"database":{},)"
                       R"("process_status":"running","phase":"docs","progress":{},"started_on":{},)"
                       R"("total_changes":{},)"
                       R"("type":"database_compaction","updated_on":{}}})",
                       node_name, database.id().value, done, json_string(database.name()),
                       total == 0 ? 100 : done * 100 / total, now, total, now);
}

std::string task_json(const storage::IndexTask& task, std::size_t number) {
    const auto progress = task.changes_total == 0
                              ? std::uint64_t{0}
                              : task.changes_done * 100 / task.changes_total;
    return fmt::format(
        R"({{"node":"{}","pid":"<0.{}.1>","changes_done":{},"database":{},"design_document":{},)"
        R"("indexer_pid":"<0.{}.1>","process_status":"running","progress":{},"started_on":{},)"
        R"("total_changes":{},"type":"indexer","updated_on":{}}})",
        node_name, number, task.changes_done, json_string(task.database), json_string(task.design),
        number, progress, task.started_seconds, task.changes_total, task.updated_seconds);
}

}  // namespace

Task<Response> get_welcome(Call& call) {
    std::string vendor;
    for (const auto& [key, value] : call.services.config.section("vendor")) {
        vendor += fmt::format("{}:{},", json_string(key), json_string(value));
    }
    vendor += fmt::format(R"("version":"{}")", DIVAN_VERSION);
    co_return json_response(
        200,
        fmt::format(R"({{"couchdb":"Welcome","version":"{}","git_sha":"divan-{}",)"
                    R"("uuid":{},"features":["partitioned","scheduler"],"vendor":{{{}}}}})"
                    "\n",
                    couchdb_version, DIVAN_VERSION, json_string(call.services.node_uuid), vendor));
}

Task<Response> get_up(Call& call) {
    const auto mode = call.services.config.get("couchdb", "maintenance_mode");
    if (mode == "nolb") co_return json_response(404, "{\"status\":\"nolb\"}\n");
    if (mode == "true" || call.services.stopping()) {
        co_return json_response(404, "{\"status\":\"maintenance_mode\"}\n");
    }
    co_return json_response(200, "{\"status\":\"ok\",\"seeds\":{}}\n");
}

Task<Response> get_uuids(Call& call) {
    const auto count = uuids_wanted(call);
    if (count.has_error()) co_return refusal(count.error());
    std::string body = R"({"uuids":[)";
    for (std::int64_t i = 0; i < *count; ++i) {
        if (i > 0) body += ',';
        append_json_string(body, call.services.uuids->next(call.services.config));
    }
    body += "]}\n";
    std::string etag = content_etag(body);
    Response response = json_response(200, std::move(body));
    response.set("Cache-Control", "no-cache");
    response.set("Expires", "Mon, 01 Jan 1990 00:00:00 GMT");
    response.set("Pragma", "no-cache");
    response.set("ETag", std::move(etag));
    co_return response;
}

Task<Response> get_active_tasks(Call& call) {
    std::string body = "[";
    for (const auto& database : call.services.catalog.open_databases()) {
        if (!database->compacting()) continue;
        if (body.size() > 1) body += ',';
        body += task_json(*database, call.services.clock.unix_seconds());
    }
    std::size_t number = 0;
    for (const auto& task : call.services.views.indexes().tasks()) {
        if (body.size() > 1) body += ',';
        body += task_json(task, ++number);
    }
    if (call.services.replicator) {
        for (const auto& job : call.services.replicator->scheduler().jobs()) {
            if (!job.running || !job.progress) continue;
            if (body.size() > 1) body += ',';
            body += replication::task_json(job, node_name);
        }
    }
    co_return json_response(200, body + "]\n");
}

Task<Response> get_membership(Call&) {
    co_return json_response(
        200, fmt::format("{{\"all_nodes\":[\"{0}\"],\"cluster_nodes\":[\"{0}\"]}}\n", node_name));
}

Task<Response> get_cluster_setup(Call& call) {
    if (const std::string* sent = first_parameter(call.request, "ensure_dbs_exist")) {
        const auto databases = parse_json(*sent);
        if (databases.has_error()) co_return refusal(databases.error());
    }
    co_return json_response(200, "{\"state\":\"single_node_enabled\"}\n");
}

Task<Response> post_cluster_setup(Call& call) {
    require_json_type(call.request);
    const auto sent = co_await read_body(call);
    const auto body = parse_json(sent);
    if (body.has_error() || !body->is_object()) {
        co_return refusal(Code::bad_request, "Missing JSON body'");
    }
    const auto done =
        co_await call.services.on_storage([&] { return run_cluster_setup(call.services, *body); });
    if (done.has_error()) co_return refusal(done.error());
    co_return ok_response(201);
}

Task<Response> post_reload_query_servers(Call& call) {
    require_json_type(call.request);
    co_await call.services.on_storage([&] { call.services.javascript.renew(); });
    co_return ok_response();
}

Task<Response> get_no_file(Call&) {
    co_return refusal(Code::not_found, "missing");
}

}  // namespace divan::server
