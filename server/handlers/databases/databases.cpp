#include "server/handlers/databases/databases.h"

#include <fmt/format.h>

#include "server/config/config.h"
#include "server/handlers/databases/database_info.h"
#include "server/handlers/etag.h"
#include "server/handlers/json_body.h"
#include "server/handlers/queries/row_query.h"

namespace divan::server {
namespace {

using storage::Catalog;

constexpr std::int64_t dbs_info_keys_max = 100;

/// A limit of the range: the name, or that of no string, which sorts below every string.
struct Limit {
    std::optional<std::string> name;
    bool below_all = false;
};

Limit limit_at(const std::optional<JsonValue>& key) {
    if (!key) return {};
    if (key->is_string()) return {key->string(), false};
    return {std::nullopt, true};
}

/// The rows of a view over database names, by the parameters of views: what shows rows otherwise
/// (documents, groups) has no effect, but is read. chttpd_misc:handle_all_dbs_info_req/1.
Catalog::NameRange read_range(const Call& call) {
    RowQuery query;
    read_parameters(call.request, query);
    check_rows(query, call.services.config);
    keep_in_partition(query, false);
    const auto first = limit_at(query.start_key);
    const auto last = limit_at(query.end_key);
    Catalog::NameRange range;
    range.first = first.name;
    range.last = last.name;
    range.skip = query.skip;
    range.limit = query.limit;
    range.descending = query.descending;
    range.inclusive_end = query.inclusive_end;
    const bool nothing = query.descending ? first.below_all : last.below_all;
    if (nothing) range.limit = 0;
    return range;
}

std::string names_json(const Catalog& catalog, const Catalog::NameRange& range) {
    std::string text = "[";
    for (const std::string& name : catalog.names(range)) {
        if (text.size() > 1) text += ',';
        append_json_string(text, name);
    }
    return text + "]\n";
}

// A database that is deleted meanwhile is left out.
std::string infos_json(Catalog& catalog, const Catalog::NameRange& range) {
    std::string text = "[";
    for (const std::string& name : catalog.names(range)) {
        const auto database = catalog.open(name);
        if (!database) continue;
        if (text.size() > 1) text += ',';
        append_database_row(text, name, database.get());
    }
    return text + "]\n";
}

std::string infos_json(Catalog& catalog, std::span<const JsonValue> keys) {
    std::string text = "[";
    for (const JsonValue& key : keys) {
        const auto database = key.is_string() ? catalog.open(key.string()) : nullptr;
        if (text.size() > 1) text += ',';
        if (key.is_string()) {
            append_database_row(text, key.string(), database.get());
        } else {
            text += R"({"key":)" + key.dump() + R"(,"error":"not_found"})";
        }
    }
    return text + "]\n";
}

}  // namespace

Task<Response> get_all_dbs(Call& call) {
    const auto range = read_range(call);
    auto names = co_await call.services.on_storage(
        [&] { return names_json(call.services.catalog, range); });
    co_return etagged_json(call.request, std::move(names));
}

Task<Response> get_dbs_info(Call& call) {
    const auto range = read_range(call);
    auto infos = co_await call.services.on_storage(
        [&] { return infos_json(call.services.catalog, range); });
    co_return etagged_json(call.request, std::move(infos));
}

Task<Response> post_dbs_info(Call& call) {
    require_json_type(call.request);
    const JsonValue body = co_await read_json_object(call);
    const JsonValue* keys = body.find("keys");
    if (!keys) co_return refusal(Code::bad_request, "`keys` member must exist.");
    if (!keys->is_array()) {
        co_return refusal(Code::bad_request, "`keys` member must be an array.");
    }
    const auto keys_max = call.services.config.get_integer(
        "chttpd", "max_db_number_for_dbs_info_req", dbs_info_keys_max);
    if (static_cast<std::int64_t>(keys->items().size()) > keys_max) {
        co_return refusal(Code::bad_request, "too_many_keys");
    }
    auto infos = co_await call.services.on_storage(
        [&] { return infos_json(call.services.catalog, keys->items()); });
    co_return json_response(200, std::move(infos));
}

}  // namespace divan::server
