#include "server/handlers/queries/row_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "storage/query/erlang_text.h"

namespace divan::server {
namespace {

/// A parameter as it was given: the text of a query, or a value of a JSON body.
struct Given {
    const std::string* text = nullptr;
    const JsonValue* json = nullptr;

    /// The text, or a JSON string; empty where it is another value.
    std::optional<std::string_view> string() const {
        if (text != nullptr) return *text;
        if (json->is_string()) return json->string();
        return std::nullopt;
    }
    /// As a refusal quotes it.
    std::string quoted() const {
        return text != nullptr ? storage::erlang_p_list(*text) : storage::erlang_p(*json);
    }
    JsonValue value() const { return text != nullptr ? parse_json(*text).value() : *json; }
};

[[noreturn]] void refuse(std::string reason) {
    throw Refused(Code::query_parse_error, std::move(reason));
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

bool boolean(const Given& given) {
    if (given.json != nullptr && given.json->is_bool()) return given.json->boolean();
    if (const auto text = given.string()) {
        const auto word = lower(*text);
        if (word == "true") return true;
        if (word == "false") return false;
        refuse("Invalid boolean parameter: " + storage::erlang_p_list(*text));
    }
    refuse("Invalid boolean parameter: " + given.quoted());
}

/// Erlang's integers have no limit; ours stop at the largest.
std::uint64_t count(const Given& given) {
    std::string_view digits = given.text != nullptr     ? std::string_view(*given.text)
                              : given.json->is_number() ? std::string_view(given.json->string())
                                                        : std::string_view();
    const bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
        refuse("Invalid value for integer: " + given.quoted());
    }
    if (negative && digits.find_first_not_of('0') != std::string_view::npos) {
        refuse("Invalid value for positive integer: " + given.quoted());
    }
    std::uint64_t value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return read.ec == std::errc() ? value : std::numeric_limits<std::uint64_t>::max();
}

void take_keys(RowQuery& query, const Given& given) {
    auto keys = given.value();
    if (keys.is_array() && keys.items().size() == 1) {
        query.start_key = query.end_key = keys.items().front();
    } else {
        query.keys = std::move(keys);
    }
}

void take_stale(RowQuery& query, const Given& given) {
    const auto word = given.string();
    if (word != "ok" && word != "update_after") refuse("Invalid value for `stale`.");
    query.stable = true;
    query.update = word == "ok" ? RowQuery::Update::no : RowQuery::Update::lazy;
}

/// Exactly "true" or "false": unlike other booleans.
std::optional<bool> plain_boolean(const Given& given) {
    if (given.json != nullptr && given.json->is_bool()) return given.json->boolean();
    const auto word = given.string();
    if (word == "true") return true;
    if (word == "false") return false;
    return std::nullopt;
}

void take_stable(RowQuery& query, const Given& given) {
    const auto stable = plain_boolean(given);
    if (!stable) refuse("Invalid value for `stable`.");
    query.stable = *stable;
}

void take_update(RowQuery& query, const Given& given) {
    const auto update = plain_boolean(given);
    if (!update && given.string() != "lazy") refuse("Invalid value for `update`.");
    query.update = !update   ? RowQuery::Update::lazy
                   : *update ? RowQuery::Update::yes
                             : RowQuery::Update::no;
}

std::string docid(const Given& given) {
    return given.text != nullptr
               ? *given.text
               : (given.json->is_string() ? given.json->string() : given.json->dump());
}

void take_partition(RowQuery& query, const Given& given) {
    auto name = docid(given);
    check_partition_name(name);
    query.partition = std::move(name);
}

struct Parameter {
    std::string_view name;
    void (*take)(RowQuery&, const Given&);
};
using Q = RowQuery;

// Names that are not here mean nothing, and case counts.
constexpr Parameter parameters[] = {
    {"key", [](Q& q, const Given& g) { q.start_key = q.end_key = g.value(); }},
    {"keys", take_keys},
    {"startkey", [](Q& q, const Given& g) { q.start_key = g.value(); }},
    {"start_key", [](Q& q, const Given& g) { q.start_key = g.value(); }},
    {"endkey", [](Q& q, const Given& g) { q.end_key = g.value(); }},
    {"end_key", [](Q& q, const Given& g) { q.end_key = g.value(); }},
    {"startkey_docid", [](Q& q, const Given& g) { q.start_key_docid = docid(g); }},
    {"start_key_doc_id", [](Q& q, const Given& g) { q.start_key_docid = docid(g); }},
    {"endkey_docid", [](Q& q, const Given& g) { q.end_key_docid = docid(g); }},
    {"end_key_doc_id", [](Q& q, const Given& g) { q.end_key_docid = docid(g); }},
    {"limit", [](Q& q, const Given& g) { q.limit = count(g); }},
    {"skip", [](Q& q, const Given& g) { q.skip = count(g); }},
    {"descending", [](Q& q, const Given& g) { q.descending = boolean(g); }},
    {"inclusive_end", [](Q& q, const Given& g) { q.inclusive_end = boolean(g); }},
    {"include_docs", [](Q& q, const Given& g) { q.include_docs = boolean(g); }},
    {"conflicts", [](Q& q, const Given& g) { q.conflicts = boolean(g); }},
    // These two can be asked for, but not taken back.
    {"attachments", [](Q& q, const Given& g) { q.attachments = boolean(g) || q.attachments; }},
    {"att_encoding_info",
     [](Q& q, const Given& g) { q.att_encoding_info = boolean(g) || q.att_encoding_info; }},
    {"update_seq", [](Q& q, const Given& g) { q.update_seq = boolean(g); }},
    {"sorted", [](Q& q, const Given& g) { q.sorted = boolean(g); }},
    {"reduce", [](Q& q, const Given& g) { q.reduce = boolean(g); }},
    {"group", [](Q& q, const Given& g) { q.group = boolean(g); }},
    {"group_level", [](Q& q, const Given& g) { q.group_level = count(g); }},
    {"stale", take_stale},
    {"stable", take_stable},
    {"update", take_update},
    {"partition", take_partition},
};

void take(RowQuery& query, std::string_view name, const Given& given) {
    const auto* const known = std::find_if(std::begin(parameters), std::end(parameters),
                                           [&](const auto& row) { return row.name == name; });
    if (known != std::end(parameters)) known->take(query, given);
}

bool same(const JsonValue& a, const JsonValue& b) {
    return a.dump() == b.dump();
}

void check_keys(const RowQuery& query) {
    if (!query.keys) return;
    if (!query.keys->is_array()) refuse("`keys` must be an array of strings.");
    const auto keys = query.keys->items();
    if (keys.empty() || (!query.start_key && !query.end_key)) return;
    const bool is_the_key = keys.size() == 1 && query.start_key && query.end_key &&
                            same(*query.start_key, keys[0]) && same(*query.end_key, keys[0]);
    if (!is_the_key) refuse("`keys` is incompatible with `key`, `start_key` and `end_key`");
}

/// One key in `keys` is `key`; none is not.
bool has_several_keys(const RowQuery& query) {
    return query.keys && query.keys->is_array() && query.keys->items().size() != 1;
}

void check_form(const RowQuery& query, bool reduces) {
    const auto level = group_level(query);
    if (!reduces && query.reduce == true) refuse("Reduce is invalid for map-only views.");
    if (reduces && level != row_limit_max && has_several_keys(query)) {
        refuse("Multi-key fetches for reduce views must use `group=true`");
    }
    check_keys(query);
    if (!reduces && level != 0) refuse("Invalid use of grouping on a map view.");
    if (reduces && query.include_docs) refuse("`include_docs` is invalid for reduce");
    if (reduces && query.conflicts) refuse("`conflicts` is invalid for reduce views.");
}

void apply_limit(RowQuery& query, bool partitioned, const Config& config) {
    const auto* const setting = partitioned ? "partition_query_limit" : "query_limit";
    const auto most = static_cast<std::uint64_t>(
        std::max<std::int64_t>(0, config.get_integer("query_server_config", setting,
                                                     static_cast<std::int64_t>(row_limit_max))));
    const auto bounded = std::min(most, row_limit_max);
    if (query.limit == row_limit_max) query.limit = bounded;
    if (query.limit > bounded) {
        refuse(fmt::format("Limit is too large, must not exceed {}", bounded));
    }
}

JsonValue json_text(const std::string& text) {
    return parse_json(json_string(text)).value();
}

/// Strings by bytes, above everything else: what Erlang's order is here.
bool less(const JsonValue& a, const JsonValue& b) {
    if (!a.is_string() || !b.is_string()) return !a.is_string() && b.is_string();
    return a.string() < b.string();
}

}  // namespace

void read_parameters(const Request& request, RowQuery& query) {
    for (const auto& parameter : request.query) {
        take(query, parameter.name, Given{&parameter.value, nullptr});
    }
}

void read_members(const JsonValue& object, RowQuery& query) {
    for (const auto& [name, value] : object.members()) take(query, name, Given{nullptr, &value});
}

std::uint64_t group_level(const RowQuery& query) {
    const auto level = query.group_level.value_or(0);
    if (query.group == false && level > 0) {
        refuse("Can't specify group=false and group_level>0 at the same time");
    }
    if (query.group == true && !query.group_level) return row_limit_max;
    return level;
}

void check_rows(RowQuery& query, const Config& config) {
    check_form(query, false);
    apply_limit(query, query.partition.has_value(), config);
}

void check_view_rows(RowQuery& query, bool reduces, bool partitioned, const Config& config) {
    apply_limit(query, partitioned, config);
    check_form(query, reduces);
    if (partitioned && !query.partition) {
        refuse("`partition` parameter is mandatory for queries to this view.");
    }
    if (!partitioned && query.partition) {
        refuse("`partition` parameter is not supported in this design doc");
    }
}

void keep_in_partition(RowQuery& query, bool partitioned) {
    if (!query.partition) return;
    if (!partitioned) refuse("`partition` parameter is not supported on this db");
    auto first = json_text(*query.partition + ":");
    auto after = json_text(*query.partition + ";");
    auto& low = query.descending ? query.end_key : query.start_key;
    auto& high = query.descending ? query.start_key : query.end_key;
    if (!low || less(*low, first)) low = std::move(first);
    if (!high || less(after, *high)) high = std::move(after);
}

void check_partition_name(std::string_view partition) {
    const auto refuse_name = [](std::string reason) {
        throw Refused(Error{Code::bad_request, std::move(reason), "illegal_partition"});
    };
    if (partition.empty()) refuse_name("Partition must not be empty");
    if (partition.starts_with('_')) refuse_name("Partition must not start with an underscore");
    if (!parse_json(json_string(partition))) refuse_name("Partition must be valid UTF-8");
    if (partition.find(':') != std::string_view::npos) {
        refuse_name("Partition must not contain a colon");
    }
}

}  // namespace divan::server
