#pragma once

#include <memory>
#include <span>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/query/index/index_node.h"

namespace divan::storage {

/// What a tree keeps of each subtree besides the count of its rows. A reduction is bytes of the
/// reducer's own. Rows and reductions come in the order of keys. Throws `Refused` where values are
/// such that there is no answer at all. Any thread.
class Reducer {
public:
    virtual ~Reducer() = default;
    virtual Bytes reduce(std::span<const IndexRow> rows) const = 0;
    /// Never of nothing.
    virtual Bytes rereduce(std::span<const BytesView> reductions) const = 0;
};

using Reducers = std::vector<std::shared_ptr<const Reducer>>;

}  // namespace divan::storage
