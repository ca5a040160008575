#include "storage/query/mango/sort.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/query/erlang_text.h"
#include "storage/query/mango/refuse.h"

namespace divan::storage::mango {
namespace {

[[noreturn]] void refuse_field(const JsonValue& field) {
    refuse("invalid_sort_field", fmt::format("Invalid sort field: {}", erlang_p(field)));
}

SortField parse_field(const JsonValue& field) {
    if (field.is_string()) {
        if (field.string().empty()) refuse_field(field);
        return {field.string(), false};
    }
    if (field.members().size() != 1) refuse_field(field);
    const auto& [name, direction] = field.members().front();
    if (!direction.is_string()) refuse_field(field);
    if (direction.string() == "asc") return {name, false};
    if (direction.string() == "desc") return {name, true};
    refuse_field(field);
}

void append_member(std::string& out, const SortField& field) {
    append_json_string(out, field.name);
    out += field.descending ? ":\"desc\"" : ":\"asc\"";
}

}  // namespace

std::vector<SortField> parse_sort(const JsonValue& fields) {
    if (!fields.is_array()) {
        refuse("invalid_sort_json",
               fmt::format("Sort must be an array of sort specs, not: {}", erlang_p(fields)));
    }
    std::vector<SortField> sort;
    for (const auto& field : fields.items()) sort.push_back(parse_field(field));
    const bool mixed = std::any_of(sort.begin(), sort.end(), [&](const SortField& field) {
        return field.descending != sort.front().descending;
    });
    if (mixed) {
        refuse("unsupported_mixed_sort",
               "Sorts currently only support a single direction for all fields.");
    }
    return sort;
}

void append_sort_list(std::string& out, const std::vector<SortField>& fields) {
    out.push_back('[');
    for (std::size_t i = 0; i < fields.size(); ++i) {
        out += i > 0 ? ",{" : "{";
        append_member(out, fields[i]);
        out.push_back('}');
    }
    out.push_back(']');
}

void append_sort_object(std::string& out, const std::vector<SortField>& fields) {
    out.push_back('{');
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (i > 0) out.push_back(',');
        append_member(out, fields[i]);
    }
    out.push_back('}');
}

}  // namespace divan::storage::mango
