#include "storage/document/revision_tree.h"

#include <algorithm>

#include <boost/container/small_vector.hpp>

#include "storage/base/error.h"

// A tree is a list of nodes in which a parent comes before its children, so that every question is
// one pass: forwards for what goes from the roots up, backwards for what goes from the leaves down.
//
// A revision (generation and hash) is in the tree once, as long as all who write tell the same
// history of it. couch_key_tree lets one be there twice for a while, where a path joins two stemmed
// trees, and puts that right when it stems next; here the path joins them at once. Where a second
// history contradicts the first it is a branch of its own, as there: the revision is then there
// twice, and `find` gives the one that is a leaf.

namespace divan::storage {
namespace {

constexpr auto none = RevisionNode::no_parent;
constexpr std::size_t common_hash_bytes = 16;

// The first byte of an encoded node.
constexpr std::uint8_t flag_deleted = 1;
constexpr std::uint8_t flag_has_body = 2;
constexpr std::uint8_t flag_odd_hash = 4;  ///< Not 16 bytes: its length is written.
constexpr std::uint8_t flag_root = 8;      ///< Its generation is written.
constexpr std::uint8_t flag_branch = 16;   ///< The parent is not the node before: the distance is.
constexpr std::uint8_t flag_sequence = 32;  ///< Compaction takes a body, but not its sequence.
constexpr std::uint8_t all_flags = 63;

// At the least: flags, and the length of an empty hash.
constexpr std::size_t node_bytes_min = 2;

RevisionNode named(std::uint64_t generation, const RevisionHash& hash, RevisionTree::Index parent) {
    RevisionNode node;
    node.revision = {generation, hash};
    node.parent = parent;
    node.leaf = false;
    return node;
}

void fill(RevisionNode& node, const RevisionTree::Leaf& leaf) {
    node.deleted = leaf.deleted;
    node.has_body = true;
    node.sequence = leaf.sequence;
    node.body_bytes = leaf.body_bytes;
}

bool wins(const RevisionNode& node, const RevisionNode& other) {
    if (node.deleted != other.deleted) return other.deleted;
    return node.revision > other.revision;
}

RevisionNode read_node(ByteReader& in, std::span<const RevisionNode> before) {
    const auto flags = in.u8();
    if (flags > all_flags || ((flags & flag_root) && (flags & flag_branch))) throw CorruptBytes();
    RevisionNode node;
    if (flags & flag_root) {
        node.revision.generation = in.varint();
        if (node.revision.generation == 0) throw CorruptBytes();
    } else {
        const auto distance = (flags & flag_branch) ? in.varint() : 1;
        if (distance == 0 || distance > before.size()) throw CorruptBytes();
        node.parent = static_cast<RevisionTree::Index>(before.size() - distance);
        node.revision.generation = before[node.parent].revision.generation + 1;
        if (node.revision.generation == 0) throw CorruptBytes();
    }
    const auto hash = (flags & flag_odd_hash) ? in.sized() : in.raw(common_hash_bytes);
    node.revision.hash = RevisionHash(hash);
    node.deleted = (flags & flag_deleted) != 0;
    node.has_body = (flags & flag_has_body) != 0;
    if (flags & flag_sequence) node.sequence = Sequence{in.varint()};
    if (node.has_body) node.body_bytes = in.varint();
    return node;
}

}  // namespace

RevisionTree::Merged RevisionTree::merge(std::uint64_t generation,
                                         std::span<const RevisionHash> path, const Leaf& leaf) {
    DIVAN_CHECK(!path.empty() && path.size() <= generation);
    const bool was_empty = nodes_.empty();

    // Where each of the path is in the tree; all in one pass.
    boost::container::small_vector<Index, 16> at(path.size(), none);
    const auto oldest = generation - path.size() + 1;
    for (Index i = 0; i < nodes_.size(); ++i) {
        const auto& revision = nodes_[i].revision;
        if (revision.generation < oldest || revision.generation > generation) continue;
        const auto step = static_cast<std::size_t>(generation - revision.generation);
        if (path[step] != revision.hash) continue;
        const auto parent = nodes_[i].parent;
        const bool same_history =
            parent == none || step + 1 == path.size() || at[step + 1] == parent;
        if (same_history) at[step] = i;
    }
    const auto known = static_cast<std::size_t>(
        std::find_if(at.begin(), at.end(), [](Index i) { return i != none; }) - at.begin());

    if (known == 0) {
        const auto end = at[0];
        const bool brings_body = !nodes_[end].has_body;
        if (brings_body) fill(nodes_[end], leaf);
        const bool extended = add_ancestors(generation, path, at);
        return brings_body || extended ? Merged::internal_node : Merged::unchanged;
    }

    const auto below = known < path.size() ? at[known] : none;
    const bool grew_leaf = below == none ? was_empty : nodes_[below].leaf;
    if (below != none) nodes_[below].leaf = false;
    auto parent = below;
    for (auto step = known; step-- > 0;) {
        nodes_.push_back(named(generation - step, path[step], parent));
        parent = static_cast<Index>(nodes_.size() - 1);
    }
    nodes_.back().leaf = true;
    fill(nodes_.back(), leaf);
    if (below != none) add_ancestors(generation, path, at);
    return grew_leaf ? Merged::new_leaf : Merged::new_branch;
}

// Follows the path down from its newest known revision. Where the tree was stemmed earlier than the
// path, the path's ancestors go below the root, or join it to another tree of the document.
bool RevisionTree::add_ancestors(std::uint64_t generation, std::span<const RevisionHash> path,
                                 std::span<const Index> at) {
    std::size_t step = 0;
    while (at[step] == none) ++step;
    bool added = false;
    auto node = at[step];
    while (++step < path.size()) {
        if (nodes_[node].parent == none) {
            auto parent = at[step];
            if (parent == none) {
                parent = static_cast<Index>(nodes_.size());
                nodes_.push_back(named(generation - step, path[step], none));
            }
            nodes_[parent].leaf = false;
            nodes_[node].parent = parent;
            added = true;
        }
        node = nodes_[node].parent;
    }
    if (added) sort_by_generation();
    return added;
}

void RevisionTree::sort_by_generation() {
    std::vector<Index> order(nodes_.size());
    for (Index i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [this](Index a, Index b) {
        return nodes_[a].revision.generation < nodes_[b].revision.generation;
    });
    std::vector<Index> place(nodes_.size());
    for (Index i = 0; i < order.size(); ++i) place[order[i]] = i;
    std::vector<RevisionNode> sorted;
    sorted.reserve(nodes_.size());
    for (const auto i : order) {
        sorted.push_back(std::move(nodes_[i]));
        auto& parent = sorted.back().parent;
        if (parent != none) parent = place[parent];
    }
    nodes_ = std::move(sorted);
}

std::vector<Revision> RevisionTree::stem(std::uint64_t limit) {
    std::vector<Revision> dropped;
    if (nodes_.size() <= limit) return dropped;
    std::vector<std::uint64_t> distance(nodes_.size(), std::numeric_limits<std::uint64_t>::max());
    std::vector<bool> kept(nodes_.size());
    for (auto i = nodes_.size(); i-- > 0;) {
        const auto& node = nodes_[i];
        if (node.leaf) distance[i] = 0;
        kept[i] = node.leaf || distance[i] < limit;
        if (node.parent != none) {
            distance[node.parent] = std::min(distance[node.parent], distance[i] + 1);
        }
    }
    keep(kept, dropped);
    return dropped;
}

std::vector<Revision> RevisionTree::remove_leaves(std::span<const Revision> leaves,
                                                  std::vector<Revision>& dropped) {
    std::vector<Revision> removed;
    std::vector<bool> gone(nodes_.size());
    for (const auto& revision : leaves) {
        const auto at = find(revision);
        if (!at || !nodes_[*at].leaf || gone[*at]) continue;
        gone[*at] = true;
        removed.push_back(revision);
    }
    if (removed.empty()) return removed;
    std::vector<bool> kept(nodes_.size());
    for (auto i = nodes_.size(); i-- > 0;) {
        if (nodes_[i].leaf) kept[i] = !gone[i];
        if (kept[i] && nodes_[i].parent != none) kept[nodes_[i].parent] = true;
    }
    keep(kept, dropped);
    return removed;
}

void RevisionTree::keep(const std::vector<bool>& kept, std::vector<Revision>& dropped) {
    std::vector<Index> place(nodes_.size(), none);
    Index count = 0;
    for (Index i = 0; i < nodes_.size(); ++i) {
        auto& node = nodes_[i];
        if (!kept[i]) {
            if (node.has_body) dropped.push_back(std::move(node.revision));
            continue;
        }
        if (node.parent != none) node.parent = place[node.parent];
        place[i] = count;
        if (count != i) nodes_[count] = std::move(node);
        ++count;
    }
    nodes_.resize(count);
}

std::optional<RevisionTree::Index> RevisionTree::find(const Revision& revision) const {
    // What is asked for is mostly new: look from the end.
    std::optional<Index> found;
    for (auto i = nodes_.size(); i-- > 0;) {
        if (nodes_[i].revision != revision) continue;
        if (nodes_[i].leaf) return static_cast<Index>(i);
        if (!found) found = static_cast<Index>(i);
    }
    return found;
}

RevisionTree::Index RevisionTree::winner() const {
    DIVAN_CHECK(!nodes_.empty());
    auto best = none;
    for (Index i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].leaf && (best == none || wins(nodes_[i], nodes_[best]))) best = i;
    }
    return best;
}

std::vector<RevisionTree::Index> RevisionTree::leaves() const {
    std::vector<Index> found;
    for (Index i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].leaf) found.push_back(i);
    }
    std::sort(found.begin(), found.end(),
              [this](Index a, Index b) { return wins(nodes_[a], nodes_[b]); });
    return found;
}

std::vector<Revision> RevisionTree::path(Index index) const {
    std::vector<Revision> revisions;
    for (; index != none; index = nodes_[index].parent) revisions.push_back(nodes_[index].revision);
    return revisions;
}

std::vector<RevisionTree::Index> RevisionTree::leaves_above(Index index) const {
    std::vector<Index> found;
    std::vector<bool> above(nodes_.size());
    above[index] = true;
    for (auto i = index; i < nodes_.size(); ++i) {
        const auto parent = nodes_[i].parent;
        if (parent != none && above[parent]) above[i] = true;
        if (above[i] && nodes_[i].leaf) found.push_back(i);
    }
    std::sort(found.begin(), found.end(),
              [this](Index a, Index b) { return wins(nodes_[a], nodes_[b]); });
    return found;
}

void RevisionTree::encode(Bytes& out) const {
    ByteWriter write(out);
    write.varint(nodes_.size());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        const auto& node = nodes_[i];
        const auto hash = node.revision.hash.bytes();
        const bool odd_hash = hash.size() != common_hash_bytes;
        const bool root = node.parent == none;
        const bool branch = !root && node.parent + 1 != i;
        const bool sequence = node.sequence.value != 0;
        write.u8(static_cast<std::uint8_t>(
            (node.deleted ? flag_deleted : 0) | (node.has_body ? flag_has_body : 0) |
            (odd_hash ? flag_odd_hash : 0) | (root ? flag_root : 0) | (branch ? flag_branch : 0) |
            (sequence ? flag_sequence : 0)));
        if (root) write.varint(node.revision.generation);
        if (branch) write.varint(i - node.parent);
        if (odd_hash) write.varint(hash.size());
        write.raw(hash);
        if (sequence) write.varint(node.sequence.value);
        if (node.has_body) write.varint(node.body_bytes);
    }
}

RevisionTree RevisionTree::decode(ByteReader& in) {
    const auto count = in.varint();
    if (count > in.rest().size() / node_bytes_min) throw CorruptBytes();
    RevisionTree tree;
    // The count is believed only as far as there are bytes for nodes of the common size. One more,
    // as a tree is mostly read for an edit.
    tree.nodes_.reserve(1 + static_cast<std::size_t>(std::min<std::uint64_t>(
                                count, in.rest().size() / (common_hash_bytes + 1))));
    for (std::uint64_t i = 0; i < count; ++i) {
        auto node = read_node(in, tree.nodes_);
        if (node.parent != none) tree.nodes_[node.parent].leaf = false;
        tree.nodes_.push_back(std::move(node));
    }
    return tree;
}

}  // namespace divan::storage
