#pragma once

#include <memory>
#include <span>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/query/index/index_node.h"

namespace divan::storage {

/// What a tree keeps of each subtree besides the count of its rows. A reduction is bytes of the
/// reducer's own. Rows and reductions come in the order of keys, if `ordered`. Throws `Refused`
/// where values are such that there is no answer at all. Any thread.
class Reducer {
public:
    virtual ~Reducer() = default;
    virtual Bytes reduce(std::span<const IndexRow> rows) const = 0;
    /// Never of nothing.
    virtual Bytes rereduce(std::span<const BytesView> reductions) const = 0;
    /// Where the outcome may depend on the order of rows (as that of a sum of fractions does), a
    /// query has them in CouchDB's order: `IndexTree::reduce`.
    virtual bool ordered() const { return true; }
};

using Reducers = std::vector<std::shared_ptr<const Reducer>>;

}  // namespace divan::storage
