#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/query/mango/selector.h"

namespace divan::storage::mango {

/// One end of a range of values.
struct Bound {
    enum class Kind : std::uint8_t { open, exclusive, inclusive };
    Kind kind = Kind::open;
    std::string value;  ///< JSON; unless open.
};

/// The values of one field that a selector leaves: mango_idx_view:range/2.
struct FieldRange {
    std::string field;
    bool empty = false;  ///< No value satisfies the selector.
    Bound low;
    Bound high;
};

/// The fields that an index can narrow, sorted, each once: mango_idx_view:indexable_fields/1.
std::vector<std::string> indexable_fields(const Selector& selector);

/// Their ranges; a field that can have no value stands alone.
std::vector<FieldRange> field_ranges(const Selector& selector);

/// Every field that the selector names: mango_selector:fields/1.
std::vector<std::string> selector_fields(const Selector& selector);

/// Whether documents that match have all of `fields`: mango_selector:has_required_fields/2.
bool has_required_fields(const Selector& selector, const std::vector<std::string>& fields);

/// Whether the field has one value in all documents that match.
bool is_constant_field(const Selector& selector, const std::string& field);

/// Whether a search for words is part of it.
bool is_text_search(const Selector& selector);

/// `{"$or":[]}` and its like, which nothing can satisfy by an index: mango_cursor's
/// maybe_noop_range/2.
bool is_empty_list(const Selector& selector);

}  // namespace divan::storage::mango
