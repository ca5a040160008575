#include "server/handlers/node/node.h"

#include <fmt/format.h>

#include "server/handlers/databases/database.h"
#include "server/handlers/node/node_name.h"
#include "server/handlers/node/stats.h"
#include "storage/database/catalog.h"

namespace divan::server {
namespace {

/// The names of `_stats/{path...}`.
std::vector<std::string> stats_path(const Call& call) {
    const auto& segments = call.request.segments;
    constexpr std::size_t before = 3;  // _node, the node, _stats
    if (segments.size() <= before) return {};
    return {segments.begin() + before, segments.end()};
}

}  // namespace

Result<void> check_node(const Call& call) {
    const std::string& node = call.path("node");
    if (node == "_local" || node == node_name) return {};
    return Error{Code::not_found, "no such node: " + node, {}};
}

Task<Response> get_no_node(Call&) {
    co_return refusal(Code::bad_request, "Incomplete path to _node request");
}

Task<Response> get_no_node_path(Call& call) {
    const auto known = check_node(call);
    if (known.has_error()) co_return refusal(known.error());
    constexpr std::size_t database = 2;  // behind _node and the node
    const auto& name = call.request.segments[database];
    const auto named = storage::validate_database_name(name);
    if (named.has_error()) co_return refusal(name_refusal(named.error(), name));
    co_return refusal(Code::not_found, "no_db_file");
}

Task<Response> get_node(Call& call) {
    const auto known = check_node(call);
    if (known.has_error()) co_return refusal(known.error());
    co_return json_response(200, fmt::format("{{\"name\":\"{}\"}}\n", node_name));
}

Task<Response> get_node_stats(Call& call) {
    const auto known = check_node(call);
    if (known.has_error()) co_return refusal(known.error());
    co_return json_response(200,
                            stats_json(read_stats(call.services), stats_path(call)) + '\n');
}

Task<Response> get_node_system(Call& call) {
    const auto known = check_node(call);
    if (known.has_error()) co_return refusal(known.error());
    co_return json_response(200, system_json() + '\n');
}

Task<Response> get_node_versions(Call& call) {
    const auto known = check_node(call);
    if (known.has_error()) co_return refusal(known.error());
    co_return json_response(
        200, fmt::format(R"({{"divan":{{"version":"{}"}},"couchdb":{{"version":"{}"}}}})"
                         "\n",
                         DIVAN_VERSION, couchdb_version));
}

Task<Response> get_node_prometheus(Call& call) {
    const auto known = check_node(call);
    if (known.has_error()) co_return refusal(known.error());
    Response response;
    response.set("Content-Type", "text/plain; version=2.0");
    response.body = prometheus_text(read_stats(call.services));
    co_return response;
}

Task<Response> post_node_restart(Call& call) {
    const auto known = check_node(call);
    if (known.has_error()) co_return refusal(known.error());
    call.services.request_restart();
    co_return ok_response();
}

}  // namespace divan::server
