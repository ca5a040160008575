#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "storage/engine/engine.h"
#include "storage/query/index/index_tree.h"

namespace divan::storage {

/// A row to be put, or taken away.
struct RowEdit {
    IndexRow row;
    bool erase = false;
};

/// How large nodes become. Smaller ones make an edit cheaper, larger ones a walk.
struct TreeShape {
    std::size_t node_bytes_max = 8U << 10;  ///< Larger ones are split.
    std::size_t node_bytes_min = 2U << 10;  ///< What an edit leaves smaller joins its neighbour.
};

/// Changes one tree: each node that the edits touch is written once, however many they are, and
/// keeps its number where it stays one node, so that only its ancestors change with it. Used once.
class TreeEditor {
public:
    /// Reads by `reader` and adds to `batch`; both must outlive it, and what the edits point into
    /// until `apply` returns.
    TreeEditor(const Reader& reader, Batch& batch, TreeAddress address, const Reducers& reducers,
               TreeShape shape = {});
    ~TreeEditor();

    /// `edits` are sorted by entry, each entry once. Rows that are there already, and erasures of
    /// rows that are not, cost no write. Throws what reducers throw; the batch is then of no use.
    TreeState apply(const TreeState& state, std::span<const RowEdit> edits);

private:
    class Level;
    /// A child as it will be: an old one, or one made in this edit.
    struct Child {
        IndexChild seen;
        std::ptrdiff_t fresh = -1;  ///< Its place in the level of new nodes, or -1.
    };
    struct NewNode {
        std::uint64_t number;
        std::vector<IndexRow> rows;
        std::vector<Child> children;
        Bytes reductions;
    };
    struct Edited {
        std::vector<Child> children;
        bool changed = false;
    };

    Edited edit_children(std::vector<Child> children, std::uint32_t height,
                         std::span<const RowEdit> edits);
    Edited edit_child(const Child& child, std::uint32_t height, std::span<const RowEdit> edits,
                      Level& level);
    const IndexNode& load(std::uint64_t number);
    void grow(std::vector<Child>& top, std::uint32_t& height);
    void shrink(std::vector<Child>& top, std::uint32_t& height);
    void finish_nodes();
    Bytes reduce_rows(const std::vector<IndexRow>& rows) const;
    Bytes reduce_children(const std::vector<Child>& children) const;
    std::uint64_t take_number();
    void write(const NewNode& node, Bytes bytes);
    Bytes key(std::uint64_t number) const;

    const Reader& reader_;
    Batch& batch_;
    const TreeAddress address_;
    const Reducers& reducers_;
    const TreeShape shape_;
    std::uint64_t next_node_ = 1;
    std::vector<std::uint64_t> freed_;
    struct Held {
        Bytes bytes;
        IndexNode node;
    };
    std::deque<Held> held_;  ///< Old nodes, which new ones point into.
    std::vector<std::deque<NewNode>> levels_;
};

}  // namespace divan::storage
