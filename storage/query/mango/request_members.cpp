#include "storage/query/mango/request_members.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/query/erlang_text.h"
#include "storage/query/mango/refuse.h"

namespace divan::storage::mango {

const JsonValue* RequestMembers::take(std::string_view name) {
    taken_.push_back(name);
    return body_.find(name);
}

const JsonValue& RequestMembers::require(std::string_view name) {
    const auto* const value = take(name);
    if (value == nullptr) {
        refuse("missing_required_key", fmt::format("Missing required key: {}", name));
    }
    return *value;
}

bool RequestMembers::boolean(std::string_view name, bool otherwise) {
    const auto* const value = take(name);
    if (value == nullptr) return otherwise;
    if (!value->is_bool()) {
        refuse("invalid_boolean", fmt::format("Invalid boolean value: {}", erlang_w(*value)));
    }
    return value->boolean();
}

std::uint64_t RequestMembers::count(std::string_view name, std::uint64_t otherwise) {
    const auto* const value = take(name);
    if (value == nullptr) return otherwise;
    if (value->integer().value_or(-1) < 0) {
        refuse("invalid_non_neg_integer",
               fmt::format("{} is not an integer greater than or equal to zero", erlang_w(*value)));
    }
    return static_cast<std::uint64_t>(*value->integer());
}

std::uint64_t RequestMembers::positive(std::string_view name, std::uint64_t otherwise) {
    const auto* const value = take(name);
    if (value == nullptr) return otherwise;
    if (value->integer().value_or(0) < 1) {
        refuse("invalid_pos_integer",
               fmt::format("{} is not an integer greater than zero", erlang_w(*value)));
    }
    return static_cast<std::uint64_t>(*value->integer());
}

std::string RequestMembers::filled_string(std::string_view name) {
    const auto* const value = take(name);
    if (value == nullptr) return {};
    if (!value->is_string()) {
        refuse("invalid_string", fmt::format("Invalid string: {}", erlang_w(*value)));
    }
    if (value->string().empty()) {
        refuse("invalid_empty_string", "Index name or ddoc cannot be empty string");
    }
    return value->string();
}

void RequestMembers::finish() const {
    for (const auto& [name, value] : body_.members()) {
        if (std::find(taken_.begin(), taken_.end(), name) == taken_.end()) {
            refuse("invalid_key", fmt::format("Invalid key {} for this request.", name));
        }
    }
}

}  // namespace divan::storage::mango
