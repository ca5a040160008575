#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/json.h"
#include "storage/query/mango/field_path.h"
#include "storage/query/mango/selector.h"
#include "storage/query/mango/sort.h"

namespace divan::storage::mango {

/// The body of `_find` and `_explain`: mango_opts:validate_find/1.
struct FindOptions {
    Selector selector;
    std::vector<std::string> use_index;  ///< Nothing, a design document, or it and an index.
    std::optional<std::string> bookmark;
    std::uint64_t limit = 25;
    std::uint64_t skip = 0;
    std::vector<SortField> sort;
    FieldList fields;
    std::string partition;  ///< Empty: all. Not checked.
    std::uint64_t r = 1;
    bool conflicts = false;
    bool stale = false;  ///< `"stale":"ok"`.
    bool update = true;
    bool stable = false;
    bool execution_stats = false;
    bool allow_fallback = true;

    bool descending() const { return !sort.empty() && sort.front().descending; }
};

/// Throws `Refused` with mango_error's sentences for the first thing that is wrong. Whether
/// `partition` is a name is the caller's to check. `default_limit` is `[mango] default_limit`.
FindOptions parse_find(const JsonValue& body, std::uint64_t default_limit);

}  // namespace divan::storage::mango
