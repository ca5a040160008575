#include "storage/document/revision_tree.h"

#include <algorithm>

// The problem: replicas send histories of one document in any order, each a path from a revision
// back to some ancestor, maybe cut short by a revision limit. All replicas must come to the same
// leaves and the same winner.
//
// The answer is couch_key_tree's. A tree starts at its oldest known revision; a document may have
// several, where cut histories share nothing that is still known. A path belongs to the first tree
// (by generation and hash of its root) that has the path's revision at the oldest generation both
// know. From there it is followed down as far as it is known; the rest is added. Where the path is
// older than the tree, the tree grows at its root.
//
// Nodes are kept in one list, parents before children.

namespace divan::storage {
namespace {

constexpr std::uint8_t flag_deleted = 1;
constexpr std::uint8_t flag_has_body = 2;
constexpr std::uint8_t flag_root = 4;
constexpr std::uint8_t flag_parent_before = 8;  ///< The parent is the node just before.
constexpr std::uint8_t flag_long_hash = 16;     ///< The hash is not 16 bytes: its length follows.
constexpr std::size_t usual_hash_bytes = 16;

bool better(const RevisionNode& a, const RevisionNode& b) {
    if (a.deleted != b.deleted) return !a.deleted;
    return a.revision > b.revision;
}

void fill_body(RevisionNode& node, const RevisionTree::Leaf& leaf) {
    node.has_body = true;
    node.deleted = leaf.deleted;
    node.sequence = leaf.sequence;
    node.body_bytes = leaf.body_bytes;
}

}  // namespace

RevisionTree::Merged RevisionTree::merge(std::uint64_t generation,
                                         std::span<const RevisionHash> path, const Leaf& leaf) {
    DIVAN_CHECK(!path.empty() && path.size() <= generation);
    const auto oldest = generation - path.size() + 1;
    const auto hash_at = [&](std::uint64_t at) -> const RevisionHash& {
        return path[generation - at];
    };
    const auto meeting = find_meeting(generation, path);
    if (!meeting) {
        const bool first = nodes_.empty();
        Index parent = RevisionNode::no_parent;
        for (auto at = oldest; at <= generation; ++at) parent = add(parent, {at, hash_at(at)});
        fill_body(nodes_[parent], leaf);
        return first ? Merged::new_leaf : Merged::new_branch;
    }

    Index at = *meeting;
    bool changed = false;
    if (const auto root_generation = nodes_[at].revision.generation;
        nodes_[at].parent == RevisionNode::no_parent && oldest < root_generation) {
        at = grow_root(at, path.subspan(generation - root_generation + 1));
        changed = true;
    }
    auto known = nodes_[at].revision.generation;
    bool branches = false;
    while (known < generation) {
        const auto child = find_child(at, hash_at(known + 1));
        if (!child) {
            branches = !nodes_[at].leaf;
            break;
        }
        at = *child;
        ++known;
    }
    if (known == generation) {
        if (!nodes_[at].has_body) {
            fill_body(nodes_[at], leaf);
            changed = true;
        }
        return changed ? Merged::internal_node : Merged::unchanged;
    }
    for (++known; known <= generation; ++known) at = add(at, {known, hash_at(known)});
    fill_body(nodes_[at], leaf);
    return branches ? Merged::new_branch : Merged::new_leaf;
}

std::optional<RevisionTree::Index> RevisionTree::find_meeting(
    std::uint64_t generation, std::span<const RevisionHash> path) const {
    const auto oldest = generation - path.size() + 1;
    std::optional<Index> best;
    const Revision* best_root = nullptr;
    for (Index i = 0; i < nodes_.size(); ++i) {
        const auto& node = nodes_[i];
        const auto at = node.revision.generation;
        const bool aligned = node.parent == RevisionNode::no_parent
                                 ? at >= oldest && at <= generation
                                 : at == oldest;
        if (!aligned || node.revision.hash != path[generation - at]) continue;
        const auto& root = root_of(i).revision;
        if (best && *best_root <= root) continue;
        best = i;
        best_root = &root;
    }
    return best;
}

const RevisionNode& RevisionTree::root_of(Index index) const {
    while (nodes_[index].parent != RevisionNode::no_parent) index = nodes_[index].parent;
    return nodes_[index];
}

std::optional<RevisionTree::Index> RevisionTree::find_child(Index parent,
                                                            const RevisionHash& hash) const {
    if (nodes_[parent].leaf) return std::nullopt;
    for (Index i = parent + 1; i < nodes_.size(); ++i) {
        if (nodes_[i].parent == parent && nodes_[i].revision.hash == hash) return i;
    }
    return std::nullopt;
}

RevisionTree::Index RevisionTree::add(Index parent, Revision revision) {
    RevisionNode node;
    node.revision = std::move(revision);
    node.parent = parent;
    nodes_.push_back(std::move(node));
    if (parent != RevisionNode::no_parent) nodes_[parent].leaf = false;
    return static_cast<Index>(nodes_.size() - 1);
}

RevisionTree::Index RevisionTree::grow_root(Index root, std::span<const RevisionHash> older) {
    const auto count = static_cast<Index>(older.size());
    std::vector<RevisionNode> grown;
    grown.reserve(nodes_.size() + count);
    auto generation = nodes_[root].revision.generation - count;
    for (Index i = 0; i < count; ++i) {
        RevisionNode node;
        node.revision = {generation++, older[count - 1 - i]};
        node.parent = i == 0 ? RevisionNode::no_parent : i - 1;
        node.leaf = false;
        grown.push_back(std::move(node));
    }
    for (auto& node : nodes_) {
        if (node.parent != RevisionNode::no_parent) node.parent += count;
        grown.push_back(std::move(node));
    }
    nodes_ = std::move(grown);
    nodes_[root + count].parent = count - 1;
    return root + count;
}

std::vector<Revision> RevisionTree::keep_only(const std::vector<bool>& kept) {
    std::vector<Revision> dropped;
    std::vector<Index> moved(nodes_.size(), RevisionNode::no_parent);
    std::vector<RevisionNode> rest;
    for (Index i = 0; i < nodes_.size(); ++i) {
        auto& node = nodes_[i];
        if (!kept[i]) {
            if (node.has_body) dropped.push_back(std::move(node.revision));
            continue;
        }
        moved[i] = static_cast<Index>(rest.size());
        if (node.parent != RevisionNode::no_parent) node.parent = moved[node.parent];
        rest.push_back(std::move(node));
    }
    nodes_ = std::move(rest);
    return dropped;
}

std::vector<Revision> RevisionTree::stem(std::uint64_t limit) {
    if (nodes_.size() <= limit) return {};
    // How many nodes, itself included, some leaf still wants to keep from here to the root.
    std::vector<std::uint64_t> wanted(nodes_.size(), 0);
    for (Index i = static_cast<Index>(nodes_.size()); i-- > 0;) {
        if (nodes_[i].leaf) wanted[i] = std::max<std::uint64_t>(limit, 1);
        const auto parent = nodes_[i].parent;
        if (parent == RevisionNode::no_parent || wanted[i] == 0) continue;
        wanted[parent] = std::max(wanted[parent], wanted[i] - 1);
    }
    std::vector<bool> kept(nodes_.size());
    for (Index i = 0; i < nodes_.size(); ++i) kept[i] = wanted[i] > 0;
    return keep_only(kept);
}

std::vector<Revision> RevisionTree::remove_leaves(std::span<const Revision> leaves,
                                                  std::vector<Revision>& dropped) {
    std::vector<Revision> removed;
    std::vector<bool> kept(nodes_.size(), false);
    for (Index i = static_cast<Index>(nodes_.size()); i-- > 0;) {
        const auto& node = nodes_[i];
        if (node.leaf) kept[i] = std::find(leaves.begin(), leaves.end(), node.revision) == leaves.end();
        if (kept[i] && node.parent != RevisionNode::no_parent) kept[node.parent] = true;
    }
    for (const auto& revision : leaves) {
        const auto index = find(revision);
        if (!index || !nodes_[*index].leaf) continue;
        if (std::find(removed.begin(), removed.end(), revision) != removed.end()) continue;
        removed.push_back(revision);
    }
    auto gone = keep_only(kept);
    dropped.insert(dropped.end(), std::make_move_iterator(gone.begin()),
                   std::make_move_iterator(gone.end()));
    return removed;
}

std::optional<RevisionTree::Index> RevisionTree::find(const Revision& revision) const {
    // From the newest on: it is what is mostly asked for.
    for (Index i = static_cast<Index>(nodes_.size()); i-- > 0;) {
        if (nodes_[i].revision == revision) return i;
    }
    return std::nullopt;
}

RevisionTree::Index RevisionTree::winner() const {
    DIVAN_CHECK(!nodes_.empty());
    std::optional<Index> best;
    for (Index i = 0; i < nodes_.size(); ++i) {
        if (!nodes_[i].leaf) continue;
        if (!best || better(nodes_[i], nodes_[*best])) best = i;
    }
    return *best;
}

std::vector<RevisionTree::Index> RevisionTree::leaves() const {
    std::vector<Index> found;
    for (Index i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].leaf) found.push_back(i);
    }
    std::sort(found.begin(), found.end(),
              [&](Index a, Index b) { return better(nodes_[a], nodes_[b]); });
    return found;
}

std::vector<Revision> RevisionTree::path(Index index) const {
    std::vector<Revision> revisions;
    while (true) {
        revisions.push_back(nodes_[index].revision);
        if (nodes_[index].parent == RevisionNode::no_parent) return revisions;
        index = nodes_[index].parent;
    }
}

std::vector<RevisionTree::Index> RevisionTree::leaves_above(Index index) const {
    std::vector<bool> above(nodes_.size(), false);
    std::vector<Index> found;
    for (Index i = index; i < nodes_.size(); ++i) {
        const auto parent = nodes_[i].parent;
        above[i] = i == index || (parent != RevisionNode::no_parent && above[parent]);
        if (above[i] && nodes_[i].leaf) found.push_back(i);
    }
    std::sort(found.begin(), found.end(),
              [&](Index a, Index b) { return better(nodes_[a], nodes_[b]); });
    return found;
}

void RevisionTree::set_body(Index index, const Leaf& leaf) {
    fill_body(nodes_[index], leaf);
}

void RevisionTree::encode(Bytes& out) const {
    ByteWriter writer(out);
    writer.varint(nodes_.size());
    for (Index i = 0; i < nodes_.size(); ++i) {
        const auto& node = nodes_[i];
        const auto hash = node.revision.hash.bytes();
        const bool root = node.parent == RevisionNode::no_parent;
        const bool parent_before = !root && node.parent + 1 == i;
        const bool long_hash = hash.size() != usual_hash_bytes;
        writer.u8(static_cast<std::uint8_t>(
            (node.deleted ? flag_deleted : 0) | (node.has_body ? flag_has_body : 0) |
            (root ? flag_root : 0) | (parent_before ? flag_parent_before : 0) |
            (long_hash ? flag_long_hash : 0)));
        if (root) {
            writer.varint(node.revision.generation);
        } else if (!parent_before) {
            writer.varint(node.parent);
        }
        long_hash ? writer.sized(hash) : writer.raw(hash);
        // Kept for inner nodes too whose body compaction took: `local_seq` and `deleted` stay true.
        writer.varint(node.sequence.value);
        if (node.has_body) writer.varint(node.body_bytes);
    }
}

RevisionTree RevisionTree::decode(ByteReader& in) {
    RevisionTree tree;
    const auto count = in.varint();
    if (count > in.rest().size()) throw CorruptBytes();
    tree.nodes_.reserve(static_cast<std::size_t>(count));
    for (Index i = 0; i < count; ++i) {
        RevisionNode node;
        const auto flags = in.u8();
        node.deleted = (flags & flag_deleted) != 0;
        node.has_body = (flags & flag_has_body) != 0;
        if ((flags & flag_root) != 0) {
            node.revision.generation = in.varint();
        } else {
            const auto parent = (flags & flag_parent_before) != 0 ? std::uint64_t{i} - 1
                                                                  : in.varint();
            if (parent >= i) throw CorruptBytes();
            node.parent = static_cast<Index>(parent);
            auto& above = tree.nodes_[node.parent];
            above.leaf = false;
            node.revision.generation = above.revision.generation + 1;
        }
        const bool long_hash = (flags & flag_long_hash) != 0;
        node.revision.hash = RevisionHash(long_hash ? in.sized() : in.raw(usual_hash_bytes));
        node.sequence = Sequence{in.varint()};
        if (node.has_body) node.body_bytes = in.varint();
        tree.nodes_.push_back(std::move(node));
    }
    return tree;
}

}  // namespace divan::storage
