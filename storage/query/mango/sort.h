#pragma once

#include <string>
#include <vector>

#include "storage/base/json.h"

namespace divan::storage::mango {

/// A column of an index, or of a sort.
struct SortField {
    std::string name;
    bool descending = false;

    bool operator==(const SortField&) const = default;
};

/// `sort` of a query and `fields` of an index: mango_sort:new/1. Throws `Refused` with its
/// sentences; all fields must have one direction.
std::vector<SortField> parse_sort(const JsonValue& fields);

/// `[{"a":"asc"},…]`.
void append_sort_list(std::string& out, const std::vector<SortField>& fields);
/// `{"a":"asc",…}`: as design documents hold it.
void append_sort_object(std::string& out, const std::vector<SortField>& fields);

}  // namespace divan::storage::mango
