#include "server/handlers/queries/views.h"

#include <fmt/format.h>

#include <optional>

#include "server/handlers/json_body.h"
#include "server/handlers/queries/index_read.h"
#include "server/handlers/queries/view_rows.h"
#include "storage/base/log.h"
#include "storage/document/design_document.h"
#include "storage/engine/keys.h"
#include "storage/query/collation.h"
#include "storage/query/view/views.h"

namespace divan::server {
namespace {

using storage::OpenViews;

std::string design_id(const Call& call) {
    return std::string(storage::design_prefix) + call.path("doc");
}

// Two short reads where they are; a design document is taken apart once.
OpenViews open_views(const Call& call) {
    return call.services.views.open(call.database, design_id(call));
}

void check(const Call& call, const OpenViews& views, RowQuery& query) {
    const auto& view = views.group->view(call.path("view"));
    check_view_rows(query, view.reducer && query.reduce != false,
                    views.group->definition->partitioned, call.services.config);
}

/// Where nothing was built yet since the design document was changed: what there was before, if it
/// has the view.
std::optional<ViewReading> read_previous(Call& call, const OpenViews& views) {
    if (!views.previous) return std::nullopt;
    const auto found = views.previous->views.find(call.path("view"));
    const auto& now = views.group->view(call.path("view"));
    if (found == views.previous->views.end()) return std::nullopt;
    if (found->second.reducer.has_value() != now.reducer.has_value()) return std::nullopt;
    auto reading = call.services.views.index(call.database, *views.previous)->read();
    if (reading->head.sequence.value == 0) return std::nullopt;
    return ViewReading{views.previous, std::move(reading), found->second};
}

/// As fresh as the query wants it.
Task<ViewReading> read(Call& call, const OpenViews& views, const RowQuery& query) {
    const auto reading = co_await read_index(views.index, call.db().state(), query.update);
    if (query.update != RowQuery::Update::yes && reading->head.sequence.value == 0) {
        if (auto previous = read_previous(call, views)) co_return std::move(*previous);
    }
    co_return ViewReading{views.group, reading, views.group->view(call.path("view"))};
}

Task<Response> answer(Call& call, const OpenViews& views, std::vector<RowQuery> queries,
                      bool several) {
    for (auto& query : queries) check(call, views, query);
    std::vector<std::unique_ptr<RowList>> lists;
    for (const auto& query : queries) {
        auto reading = co_await read(call, views, query);
        const auto in_order = check_range(query, reading);
        if (!in_order) co_return refusal(in_order.error());
        lists.push_back(list_view(query, std::move(reading)));
    }
    co_return co_await answer_rows(call.services, std::move(lists), several);
}

Task<Response> answer_one(Call& call, const OpenViews& views, RowQuery query) {
    std::vector<RowQuery> queries;
    queries.push_back(std::move(query));
    co_return co_await answer(call, views, std::move(queries), false);
}

/// Each query goes over what the request's query says, except for what makes groups and `keys`.
RowQuery one_of_several(const RowQuery& common, const JsonValue& given) {
    if (!given.is_object()) {
        throw Refused(Code::bad_request, "`queries` member must be an array of objects.");
    }
    RowQuery query = common;
    query.keys.reset();
    query.group.reset();
    query.group_level.reset();
    read_members(given, query);
    return query;
}

// On a pool thread, where nobody waits for the outcome.
template <class F>
void aside(Call& call, const char* what, F work) {
    call.services.pool.post([what, name = call.db().name(), work = std::move(work)] {
        try {
            work();
        } catch (const std::exception& failure) {
            log(LogLevel::error, fmt::format("{} of {} failed: {}", what, name, failure.what()));
        }
    });
}

std::pair<Bytes, Bytes> stretch_of(const storage::IndexReading& reading) {
    const auto from =
        storage::keys::index_nodes_of(reading.view->database().id(), reading.head.number);
    return {from, storage::keys::after_prefix(from)};
}

}  // namespace

Task<std::unique_ptr<RowList>> open_view(Call& call, RowQuery query) {
    const auto views = open_views(call);
    check(call, views, query);
    auto reading = co_await read(call, views, query);
    check_range(query, reading).value();
    co_return list_view(query, std::move(reading));
}

Task<Response> get_view(Call& call) {
    const auto views = open_views(call);
    RowQuery query;
    read_parameters(call.request, query);
    co_return co_await answer_one(call, views, std::move(query));
}

Task<Response> post_view(Call& call) {
    const auto views = open_views(call);
    require_json_type(call.request);
    const auto body = co_await read_json_object(call);
    if (const auto* queries = body.find("queries")) {
        co_return refusal(Code::bad_request,
                          queries->is_array()
                              ? "The `queries` parameter is no longer supported at this endpoint"
                              : "`queries` member must be an array.");
    }
    RowQuery query;
    if (const auto* keys = body.find("keys")) {
        if (!keys->is_array()) {
            co_return refusal(Code::bad_request, "`keys` member must be an array.");
        }
        query.keys = *keys;
    }
    read_members(body, query);
    read_parameters(call.request, query);
    co_return co_await answer_one(call, views, std::move(query));
}

Task<Response> post_view_queries(Call& call) {
    const auto views = open_views(call);
    require_json_type(call.request);
    const auto body = co_await read_json_object(call);
    const auto* given = body.find("queries");
    if (given == nullptr) {
        co_return refusal(Code::bad_request, "POST body must include `queries` parameter.");
    }
    if (!given->is_array()) {
        co_return refusal(Code::bad_request, "`queries` member must be an array.");
    }
    RowQuery common;
    read_parameters(call.request, common);
    std::vector<RowQuery> queries;
    for (const auto& each : given->items()) queries.push_back(one_of_several(common, each));
    co_return co_await answer(call, views, std::move(queries), true);
}

Task<Response> get_view_info(Call& call) {
    const auto views = open_views(call);
    std::uint64_t bytes = 0;
    const auto reading = co_await call.services.on_storage([&] {
        auto found = views.index->read();
        const auto [from, to] = stretch_of(*found);
        bytes = call.db().engine().approximate_bytes(storage::Family::index, from, to);
        return found;
    });
    const auto& head = reading->head;
    const auto pending = reading->view->state().update_sequence.value - head.sequence.value;
    const auto name = design_id(call).substr(storage::design_prefix.size());
    co_return json_response(
        200,
        fmt::format(
            "{{\"name\":{},\"view_index\":{{\"updates_pending\":{{\"minimum\":{},\"preferred\":{},"
            "\"total\":{}}},\"waiting_commit\":false,\"waiting_clients\":{},\"updater_running\":{},"
            "\"update_seq\":{},\"sizes\":{{\"file\":{},\"external\":{},\"active\":{}}},"
            "\"signature\":\"{}\",\"purge_seq\":{},\"language\":{},\"compact_running\":false,"
            "\"collator_versions\":[\"{}\"]}}}}\n",
            json_string(name), pending, pending, pending, views.index->waiting(),
            views.index->updating(), head.sequence.value, bytes, bytes, bytes,
            views.group->definition->signature, head.purge_sequence,
            json_string(views.group->language), storage::sort_key_version()));
}

// An index keeps no old nodes; what is compacted is the space they had.
Task<Response> post_compact_design(Call& call) {
    require_json_type(call.request);
    const auto id = std::string(storage::design_prefix) + call.path("design");
    const auto views = call.services.views.open(call.database, id);
    aside(call, "compacting an index", [index = views.index, database = call.database] {
        const auto [from, to] = stretch_of(*index->read());
        database->engine().compact(storage::Family::index, from, to);
    });
    co_return ok_response(202);
}

Task<Response> post_view_cleanup(Call& call) {
    auto& views = call.services.views;
    aside(call, "cleaning up indexes",
          [&views, database = call.database] { views.clean_up(database); });
    co_return ok_response(202);
}

}  // namespace divan::server
