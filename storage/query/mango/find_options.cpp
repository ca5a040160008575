#include "storage/query/mango/find_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/query/erlang_text.h"
#include "storage/query/mango/refuse.h"
#include "storage/query/mango/request_members.h"

namespace divan::storage::mango {
namespace {

[[noreturn]] void refuse_index_name(const JsonValue& value) {
    refuse("invalid_index_name", fmt::format("Invalid index name: {}", erlang_w(value)));
}

std::vector<std::string> split_name(const JsonValue& value) {
    std::vector<std::string> parts(1);
    for (const char character : value.string()) {
        if (character == '/') {
            parts.emplace_back();
        } else {
            parts.back().push_back(character);
        }
    }
    if (parts.size() > 1 && parts.front() == "_design") parts.erase(parts.begin());
    if (parts.size() > 2) refuse_index_name(value);
    return parts;
}

/// mango_opts:validate_use_index/1.
std::vector<std::string> parse_use_index(const JsonValue* value) {
    if (value == nullptr || value->is_null()) return {};
    if (value->is_string()) return split_name(*value);
    const auto items = value->items();
    const bool strings = std::all_of(items.begin(), items.end(),
                                     [](const JsonValue& item) { return item.is_string(); });
    if (!value->is_array() || items.size() > 2 || !strings) refuse_index_name(*value);
    std::vector<std::string> parts;
    for (const auto& item : items) parts.push_back(item.string());
    return parts;
}

std::optional<std::string> parse_bookmark(const JsonValue* value) {
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (!value->is_string()) {
        // mango_error has no sentence for it.
        throw Refused(Error{
            Code::internal_error,
            fmt::format("Unknown Error: mango_opts :: {{invalid_bookmark,{}}}", erlang_w(*value)),
            "unknown_error"});
    }
    if (value->string().empty()) return std::nullopt;
    return value->string();
}

bool parse_stale(const JsonValue* value) {
    if (value == nullptr) return false;
    if (value->is_string() && value->string() == "ok") return true;
    const bool off =
        value->is_string() ? value->string() == "false" : value->is_bool() && !value->boolean();
    if (!off) {
        throw Refused(
            Error{Code::internal_error,
                  fmt::format("Unknown Error: mango_opts :: {{invalid_ok_or_false_value,{}}}",
                              erlang_w(*value)),
                  "unknown_error"});
    }
    return false;
}

std::string parse_partition(const JsonValue* value) {
    if (value == nullptr) return {};
    if (!value->is_string()) {
        throw Refused(Error{Code::bad_request, "Partition must be a string", "illegal_partition"});
    }
    return value->string();
}

}  // namespace

FindOptions parse_find(const JsonValue& body, std::uint64_t default_limit) {
    RequestMembers members(body);
    FindOptions options;
    options.selector = Selector::parse(members.require("selector")).value();
    options.use_index = parse_use_index(members.take("use_index"));
    options.bookmark = parse_bookmark(members.take("bookmark"));
    options.limit = members.count("limit", default_limit);
    options.skip = members.count("skip", 0);
    if (const auto* const sort = members.take("sort")) options.sort = parse_sort(*sort);
    if (const auto* const fields = members.take("fields")) {
        options.fields = FieldList::parse(*fields).value();
    }
    options.partition = parse_partition(members.take("partition"));
    options.r = members.positive("r", 1);
    options.conflicts = members.boolean("conflicts", false);
    options.stale = parse_stale(members.take("stale"));
    options.update = members.boolean("update", true);
    options.stable = members.boolean("stable", false);
    options.execution_stats = members.boolean("execution_stats", false);
    options.allow_fallback = members.boolean("allow_fallback", true);
    members.finish();
    return options;
}

}  // namespace divan::storage::mango
