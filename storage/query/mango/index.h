#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/json.h"
#include "storage/query/mango/selector.h"
#include "storage/query/mango/sort.h"

namespace divan::storage::mango {

/// Something that a query can be answered from: the documents by `_id`, or a `json` index, which is
/// a view of a design document in the language `query`.
struct Index {
    std::string design;  ///< "_design/name"; empty of `_all_docs`.
    std::string name;
    bool partitioned = false;
    std::vector<SortField> fields;
    std::optional<Selector> partial_filter;  ///< Only documents that it takes are in the index.
    std::string definition;                  ///< What `_index` and `_explain` show as `def`.

    bool all_docs() const { return design.empty(); }
    bool operator<(const Index& other) const;
};

/// The documents by `_id`: every database has it.
Index all_docs_index();

/// What the `map` of a view in the language `query` defines, without names; empty where it is no
/// index.
std::optional<Index> index_of_map(const JsonValue& map);

/// The indexes that a design document holds: mango_idx:from_ddoc/2. None where its language is
/// another; views that are no index are left out. `partitioned` is what holds where the document's
/// options say nothing.
std::vector<Index> indexes_of(std::string_view design, const JsonValue& document, bool partitioned);

/// An index as `_index` and `_explain` show it.
void append_index(std::string& out, const Index& index);

/// The names of the fields, in order.
std::vector<std::string> columns(const Index& index);

}  // namespace divan::storage::mango
