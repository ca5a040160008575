#include "storage/query/index/index_tree.h"

#include <algorithm>

#include "storage/engine/keys.h"

namespace divan::storage {
namespace {

constexpr std::size_t recent_nodes_max = 12;

/// The child whose range holds `bound`: the last one that does not begin above it.
std::size_t child_of(const IndexNode& node, BytesView bound) {
    const auto after =
        std::upper_bound(node.children.begin(), node.children.end(), bound,
                         [](BytesView key, const IndexChild& child) { return key < child.lower; });
    const auto index = after - node.children.begin();
    return static_cast<std::size_t>(std::max<std::ptrdiff_t>(index - 1, 0));
}

std::size_t rows_below(const IndexNode& node, BytesView bound) {
    const auto found =
        std::lower_bound(node.rows.begin(), node.rows.end(), bound,
                         [](const IndexRow& row, BytesView key) { return row.entry < key; });
    return static_cast<std::size_t>(found - node.rows.begin());
}

}  // namespace

void TreeState::encode(ByteWriter& out) const {
    out.varint(root);
    out.varint(height);
    out.varint(next_node);
    out.varint(rows);
    out.varint(changed.value);
    out.sized(reductions);
}

TreeState TreeState::decode(ByteReader& in) {
    TreeState state;
    state.root = in.varint();
    state.height = static_cast<std::uint32_t>(in.varint());
    state.next_node = in.varint();
    state.rows = in.varint();
    state.changed = Sequence{in.varint()};
    state.reductions = in.sized();
    return state;
}

IndexTree::LoadedNode IndexTree::load(std::uint64_t number) const {
    const auto known = std::find_if(recent_.begin(), recent_.end(),
                                    [&](const auto& node) { return node->number == number; });
    if (known != recent_.end()) {
        std::rotate(recent_.begin(), known, known + 1);
        return recent_.front();
    }
    auto loaded = std::make_shared<Loaded>();
    loaded->number = number;
    const auto key = keys::index_node(address_.database, address_.index, address_.tree, number);
    if (!reader_.get(Family::index, key, loaded->bytes)) throw CorruptBytes();
    loaded->node = IndexNode::decode(loaded->bytes);
    if (recent_.size() == recent_nodes_max) recent_.pop_back();
    recent_.push_front(loaded);
    return loaded;
}

std::uint64_t IndexTree::count_below(BytesView bound) const {
    if (state_.root == 0 || bound.empty()) return 0;
    std::uint64_t count = 0;
    auto node = load(state_.root);
    while (!node->node.leaf) {
        const auto at = child_of(node->node, bound);
        for (std::size_t i = 0; i < at; ++i) count += node->node.children[i].rows;
        node = load(node->node.children[at].node);
    }
    return count + rows_below(node->node, bound);
}

// -------------------------------------------------------------------------------- reductions

namespace {

/// CouchDB reads again what is in a single node, of 1,279 bytes; so many rows are about that.
constexpr std::uint64_t reread_rows_max = 64;

}  // namespace

struct IndexTree::Range {
    BytesView lower;
    BytesView upper;
    std::size_t index;
    const Reducer& reducer;
    bool together;  ///< The rows that are read are reduced at once, not leaf by leaf.
    std::vector<BytesView> reductions;
    std::vector<LoadedNode> held;  ///< What `reductions` and `rows` point into.
    std::deque<Bytes> own;
    std::vector<IndexRow> rows;

    /// For a fold that goes forwards. Rows of one document and key stay as they were emitted:
    /// couch_mrview_util:expand_dups/2.
    void turn() {
        std::reverse(reductions.begin(), reductions.end());
        std::reverse(rows.begin(), rows.end());
        for (auto first = rows.begin(); first != rows.end();) {
            const auto last = std::find_if(
                first, rows.end(), [&](const auto& row) { return row.place() != first->place(); });
            std::reverse(first, last);
            first = last;
        }
    }
};

void IndexTree::collect(std::uint64_t number, Range& range) const {
    const auto loaded = load(number);
    const auto& node = loaded->node;
    if (node.leaf) {
        const auto from = rows_below(node, range.lower);
        const auto to = range.upper.empty() ? node.rows.size() : rows_below(node, range.upper);
        if (from >= to) return;
        const std::span<const IndexRow> rows(node.rows.data() + from, to - from);
        if (range.together) {
            range.held.push_back(loaded);
            range.rows.insert(range.rows.end(), rows.begin(), rows.end());
            return;
        }
        range.reductions.emplace_back(range.own.emplace_back(range.reducer.reduce(rows)));
        return;
    }
    range.held.push_back(loaded);
    const auto first = child_of(node, range.lower);
    for (std::size_t i = first; i < node.children.size(); ++i) {
        const auto& child = node.children[i];
        if (i > first && !range.upper.empty() && child.lower >= range.upper) break;
        // All of it is inside where the child begins and the next one begins in the range.
        const bool begins = child.lower >= range.lower;
        const bool last = i + 1 == node.children.size();
        const bool ends =
            range.upper.empty() || (!last && node.children[i + 1].lower <= range.upper);
        if (begins && ends) {
            range.reductions.push_back(IndexNode::reduction(child.reductions, range.index));
        } else {
            collect(child.node, range);
        }
    }
}

std::optional<Bytes> IndexTree::reduce(BytesView lower, BytesView upper, std::size_t index,
                                       const Reducer& reducer, bool descending) const {
    if (state_.root == 0) return std::nullopt;
    const auto count = [&] {
        return (upper.empty() ? state_.rows : count_below(upper)) - count_below(lower);
    };
    const bool together = !reducer.ordered() && count() <= reread_rows_max;
    if (lower.empty() && upper.empty() && !together) {
        return Bytes(IndexNode::reduction(state_.reductions, index));
    }
    Range range{lower, upper, index, reducer, together, {}, {}, {}, {}};
    collect(state_.root, range);
    if (together && !descending) range.turn();
    if (!range.rows.empty()) {
        range.own.push_back(reducer.reduce(range.rows));
        range.reductions.insert(range.reductions.begin(), range.own.back());
    }
    if (range.reductions.empty()) return std::nullopt;
    if (range.reductions.size() == 1) return Bytes(range.reductions.front());
    return reducer.rereduce(range.reductions);
}

// ------------------------------------------------------------------------------------ cursor

const IndexRow& IndexCursor::row() const {
    return path_.back().node->node.rows[path_.back().at];
}

void IndexCursor::descend(std::uint64_t number, bool first) {
    for (;;) {
        auto node = tree_.load(number);
        const auto count = node->node.leaf ? node->node.rows.size() : node->node.children.size();
        if (count == 0) throw CorruptBytes();
        const auto at = first ? 0 : count - 1;
        const bool leaf = node->node.leaf;
        if (!leaf) number = node->node.children[at].node;
        path_.push_back({std::move(node), at});
        if (leaf) return;
    }
}

void IndexCursor::seek(BytesView bound) {
    path_.clear();
    auto number = tree_.state_.root;
    if (number == 0) return;
    for (;;) {
        auto node = tree_.load(number);
        const bool leaf = node->node.leaf;
        const auto at = leaf ? rows_below(node->node, bound) : child_of(node->node, bound);
        if (!leaf) number = node->node.children[at].node;
        path_.push_back({std::move(node), at});
        if (leaf) break;
    }
    if (path_.back().at == path_.back().node->node.rows.size()) to_neighbour(true);
}

void IndexCursor::seek_back(BytesView bound) {
    path_.clear();
    if (tree_.state_.root == 0) return;
    if (bound.empty()) return descend(tree_.state_.root, false);
    seek(bound);
    if (valid()) return previous();
    descend(tree_.state_.root, false);
}

void IndexCursor::seek_position(std::uint64_t position) {
    path_.clear();
    if (position >= tree_.state_.rows) return;
    auto number = tree_.state_.root;
    for (;;) {
        auto node = tree_.load(number);
        if (node->node.leaf) {
            if (position >= node->node.rows.size()) throw CorruptBytes();
            path_.push_back({std::move(node), static_cast<std::size_t>(position)});
            return;
        }
        std::size_t at = 0;
        const auto& children = node->node.children;
        while (at + 1 < children.size() && position >= children[at].rows) {
            position -= children[at++].rows;
        }
        number = children[at].node;
        path_.push_back({std::move(node), at});
    }
}

void IndexCursor::next() {
    auto& leaf = path_.back();
    if (++leaf.at == leaf.node->node.rows.size()) to_neighbour(true);
}

void IndexCursor::previous() {
    auto& leaf = path_.back();
    if (leaf.at > 0) {
        --leaf.at;
    } else {
        to_neighbour(false);
    }
}

void IndexCursor::to_neighbour(bool forward) {
    path_.pop_back();
    while (!path_.empty()) {
        auto& step = path_.back();
        const auto& children = step.node->node.children;
        if (forward ? step.at + 1 < children.size() : step.at > 0) {
            step.at += forward ? 1 : static_cast<std::size_t>(-1);
            return descend(children[step.at].node, forward);
        }
        path_.pop_back();
    }
}

}  // namespace divan::storage
