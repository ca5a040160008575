#include "server/handlers/queries/partitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "server/handlers/design/rewritten_request.h"
#include "server/handlers/queries/all_docs.h"
#include "server/handlers/queries/find.h"
#include "server/handlers/queries/row_query.h"
#include "server/handlers/queries/views.h"
#include "server/services.h"
#include "storage/database/partition_info.h"

namespace divan::server {
namespace {

void require_partitioned(const Call& call) {
    if (!call.db().entry().partitioned) {
        throw Refused(Code::bad_request, "database is not partitioned");
    }
}

/// Puts the partition into the query, which is sorted on the way, each name once: ukeysort.
Call& in_partition(Call& call) {
    require_partitioned(call);
    const auto& partition = call.path("partition");
    check_partition_name(partition);
    auto& query = call.request.query;
    const auto given = std::find_if(query.begin(), query.end(),
                                    [](const auto& each) { return each.name == "partition"; });
    if (given != query.end() && given->value != partition) {
        throw Refused(Code::bad_request, "Conflicting value for `partition` in query string");
    }
    query.insert(query.begin(), {"partition", partition});
    std::stable_sort(query.begin(), query.end(),
                     [](const auto& a, const auto& b) { return a.name < b.name; });
    query.erase(std::unique(query.begin(), query.end(),
                            [](const auto& a, const auto& b) { return a.name == b.name; }),
                query.end());
    return call;
}

/// Path segments before what a partition is asked for: database, _partition, name.
constexpr std::size_t own_segments = 3;

/// Documents, Mango, and what runs on a design document.
bool is_in_partitions(std::span<const std::string> rest) {
    constexpr auto known =
        std::to_array<std::string_view>({"_all_docs", "_index", "_find", "_explain"});
    if (rest.empty()) return false;
    if (rest.front() == "_design") return rest.size() > 2 && rest[2].starts_with('_');
    return std::find(known.begin(), known.end(), rest.front()) != known.end();
}

std::string target_of(const Call& call, std::span<const std::string> rest) {
    std::string target = "/" + url_quote(call.db().name());
    for (const auto& segment : rest) target.append("/").append(url_quote(segment));
    char mark = '?';
    for (const auto& [name, value] : call.request.query) {
        target.append(1, mark).append(url_quote(name)).append("=").append(url_quote(value));
        mark = '&';
    }
    return target;
}

}  // namespace

Task<Response> get_partition(Call& call) {
    const auto& partition = call.path("partition");
    check_partition_name(partition);
    require_partitioned(call);
    storage::PartitionInfo info;
    co_await call.services.on_storage(
        [&] { info = storage::partition_info(*call.db().view(), partition); });
    co_return json_response(
        200, fmt::format(R"({{"db_name":{},"sizes":{{"active":{},"external":{}}},)"
                         R"("partition":{},"doc_count":{},"doc_del_count":{}}})",
                         json_string(call.db().name()), info.bytes, info.bytes,
                         json_string(partition), info.document_count, info.deleted_count) +
                 "\n");
}

Task<Response> no_partition(Call&) {
    co_return refusal(Code::bad_request, "invalid_partition_req");
}

Task<Response> post_partition(Call& call) {
    if (call.path("partition").starts_with('_')) check_partition_name(call.path("partition"));
    auto refused = refusal(Code::method_not_allowed, "Only GET allowed");
    refused.set("Allow", "GET");
    co_return refused;
}

Task<Response> run_in_partition(Call& call) {
    in_partition(call);
    const auto& segments = call.request.segments;
    const auto rest = std::span(segments).subspan(std::min(own_segments, segments.size()));
    if (!is_in_partitions(rest)) co_return refusal(Code::not_found, "missing");
    auto& request = rewrite_request(call.request, target_of(call, rest));
    co_return co_await call.services.answer_rewritten(request);
}

Task<Response> get_partition_all_docs(Call& call) {
    co_return co_await get_all_docs(in_partition(call));
}

Task<Response> post_partition_all_docs(Call& call) {
    co_return co_await post_all_docs(in_partition(call));
}

Task<Response> get_partition_view(Call& call) {
    co_return co_await get_view(in_partition(call));
}

Task<Response> post_partition_view(Call& call) {
    co_return co_await post_view(in_partition(call));
}

Task<Response> post_partition_find(Call& call) {
    co_return co_await post_find(in_partition(call));
}

Task<Response> post_partition_explain(Call& call) {
    co_return co_await post_explain(in_partition(call));
}

}  // namespace divan::server
