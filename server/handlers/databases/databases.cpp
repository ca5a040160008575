#include "server/handlers/databases/databases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "server/config/config.h"
#include "server/handlers/databases/database_info.h"
#include "server/handlers/etag.h"
#include "server/handlers/json_body.h"

namespace divan::server {
namespace {

using storage::Catalog;

constexpr std::int64_t dbs_info_keys_max = 100;

Result<std::uint64_t> read_count(const std::string& text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        return Error{Code::query_parse_error,
                     fmt::format("Invalid value for integer: \"{}\"", text), {}};
    }
    if (number < 0) {
        return Error{Code::query_parse_error,
                     fmt::format("Invalid value for positive integer: \"{}\"", text), {}};
    }
    return static_cast<std::uint64_t>(number);
}

Result<bool> read_bool(std::string text) {
    const std::string sent = text;
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (text == "true") return true;
    if (text == "false") return false;
    return Error{Code::query_parse_error, fmt::format("Invalid boolean parameter: \"{}\"", sent),
                 {}};
}

/// A limit of the range: the name, or that of no string, which sorts below every string.
struct Limit {
    std::optional<std::string> name;
    bool below_all = false;
};

/// A range as sent: as that of a view, of database names (couch_mrview_http:parse_params/2).
struct ListQuery {
    Limit first, last;
    Catalog::NameRange range;

    Result<void> read(const QueryParameter& parameter);
};

Result<Limit> read_limit(const std::string& text) {
    const auto value = parse_json(text);
    if (value.has_error()) return value.error();
    if (value->is_string()) return Limit{value->string(), false};
    return Limit{std::nullopt, true};
}

Result<void> ListQuery::read(const QueryParameter& parameter) {
    const auto& [name, text] = parameter;
    const bool is_key = name == "key";
    if (is_key || name == "startkey" || name == "start_key" || name == "endkey" ||
        name == "end_key") {
        const auto limit = read_limit(text);
        if (limit.has_error()) return limit.error();
        if (is_key || name.starts_with("start")) first = *limit;
        if (is_key || name.starts_with("end")) last = *limit;
    } else if (name == "limit" || name == "skip") {
        const auto count = read_count(text);
        if (count.has_error()) return count.error();
        (name == "limit" ? range.limit : range.skip) = *count;
    } else if (name == "descending" || name == "inclusive_end") {
        const auto flag = read_bool(text);
        if (flag.has_error()) return flag.error();
        (name == "descending" ? range.descending : range.inclusive_end) = *flag;
    }
    return {};
}

Result<Catalog::NameRange> read_range(const Request& request) {
    ListQuery query;
    for (const QueryParameter& parameter : request.query) {
        const auto read = query.read(parameter);
        if (read.has_error()) return read.error();
    }
    query.range.first = query.first.name;
    query.range.last = query.last.name;
    const bool nothing = query.range.descending ? query.first.below_all : query.last.below_all;
    if (nothing) query.range.limit = 0;
    return query.range;
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
    const auto range = read_range(call.request);
    if (range.has_error()) co_return refusal(range.error());
    auto names = co_await call.services.on_storage(
        [&] { return names_json(call.services.catalog, *range); });
    co_return etagged_json(call.request, std::move(names));
}

Task<Response> get_dbs_info(Call& call) {
    const auto range = read_range(call.request);
    if (range.has_error()) co_return refusal(range.error());
    auto infos = co_await call.services.on_storage(
        [&] { return infos_json(call.services.catalog, *range); });
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
