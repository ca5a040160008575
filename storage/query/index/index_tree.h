#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "storage/base/ids.h"
#include "storage/engine/engine.h"
#include "storage/query/index/index_node.h"
#include "storage/query/index/reducer.h"

namespace divan::storage {

/// Where the nodes of a tree are: see `keys::index_node`.
struct TreeAddress {
    DatabaseId database;
    std::uint64_t index = 0;
    std::uint32_t tree = 0;
};

/// The root of a tree, kept in its index's head.
struct TreeState {
    std::uint64_t root = 0;       ///< 0: there are no rows.
    std::uint32_t height = 0;     ///< Of the root; leaves have 0.
    std::uint64_t next_node = 1;  ///< Node numbers are used again after a node is gone.
    std::uint64_t rows = 0;
    Sequence changed;  ///< The update that last had to do with this tree.
    Bytes reductions;  ///< Of all rows, as in `IndexChild`. Empty where there are none.

    void encode(ByteWriter& out) const;
    static TreeState decode(ByteReader& in);
};

/// Reads one tree as of a snapshot, which must outlive it. Costs are in node reads, of which there
/// are O(log rows) unless rows themselves are walked. One thread at a time.
///
/// A bound is the start of an entry: "below" it are all that are less. An empty bound is no bound.
class IndexTree {
public:
    IndexTree(const Reader& reader, TreeAddress address, const TreeState& state)
        : reader_(reader), address_(address), state_(state) {}

    const TreeState& state() const { return state_; }
    /// How many rows are less than `bound`; of an empty bound none.
    std::uint64_t count_below(BytesView bound) const;
    /// The reduction of the rows in [lower, upper); empty where there are none.
    ///
    /// Of few rows, a reducer that is not `ordered` is given what couch_btree:fold_reduce/4 gives:
    /// the rows that are read, backwards where the fold goes forwards (`descending` is false), and
    /// after their reduction those that were there already, likewise.
    std::optional<Bytes> reduce(BytesView lower, BytesView upper, std::size_t index,
                                const Reducer& reducer, bool descending = false) const;

private:
    friend class IndexCursor;
    struct Loaded {
        std::uint64_t number;
        Bytes bytes;
        IndexNode node;
    };
    using LoadedNode = std::shared_ptr<const Loaded>;  // Of a cursor and the cache below.
    struct Range;

    LoadedNode load(std::uint64_t number) const;
    void collect(std::uint64_t number, Range& range) const;

    const Reader& reader_;
    TreeAddress address_;
    TreeState state_;
    mutable std::deque<LoadedNode> recent_;  ///< Neighbouring ranges read the same few nodes.
};

/// A walk over a tree's rows in order. The tree must outlive it. Rows are good until it moves.
class IndexCursor {
public:
    explicit IndexCursor(const IndexTree& tree) : tree_(tree) {}

    bool valid() const { return !path_.empty(); }
    const IndexRow& row() const;
    /// To the first row that is not less than `bound`; of an empty one the first.
    void seek(BytesView bound);
    /// To the last row that is less than `bound`; of an empty one the last.
    void seek_back(BytesView bound);
    /// To the row that `position` rows precede.
    void seek_position(std::uint64_t position);
    void next();
    void previous();

private:
    struct Step {
        IndexTree::LoadedNode node;
        std::size_t at;
    };
    void descend(std::uint64_t number, bool first);
    void to_neighbour(bool forward);

    const IndexTree& tree_;
    std::vector<Step> path_;  ///< From the root to a leaf.
};

}  // namespace divan::storage
