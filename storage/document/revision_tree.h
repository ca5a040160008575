#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/ids.h"
#include "storage/document/revision.h"

namespace divan::storage {

/// One revision of a document in its tree.
struct RevisionNode {
    static constexpr std::uint32_t no_parent = std::numeric_limits<std::uint32_t>::max();

    Revision revision;
    std::uint32_t parent = no_parent;  ///< Index in `RevisionTree::nodes()`; less than its own.
    bool deleted = false;              ///< Meaningful where `has_body`.
    bool has_body = false;             ///< False for an ancestor known only by name.
    bool leaf = true;                  ///< Kept by the tree.
    Sequence sequence;                 ///< Of the write that brought the body (`local_seq`).
    std::uint64_t body_bytes = 0;      ///< Size of the body as JSON text; for `sizes.external`.
};

/// The history of one document: a forest of revisions, each leaf a current state of it, more than
/// one leaf that is not deleted a conflict. As couch_key_tree.erl: paths are merged where they
/// share a revision, and stemming cuts roots off until no leaf has more than a limit of ancestors.
///
/// A value: cheap to move, no threads.
class RevisionTree {
public:
    using Index = std::uint32_t;

    enum class Merged : std::uint8_t {
        new_leaf,       ///< A leaf has grown by the path, or the tree began with it.
        new_branch,     ///< The path became a further leaf: a conflict.
        internal_node,  ///< The path's end was there already; maybe ancestors or a body were added.
        unchanged,      ///< Nothing at all is new.
    };

    /// What the newest revision of a path brings.
    struct Leaf {
        bool deleted = false;
        Sequence sequence;
        std::uint64_t body_bytes = 0;
    };

    /// Merges a path of hashes, newest first, whose newest has `generation`; the others follow
    /// down. `path` has at least one and at most `generation` hashes. Indexes taken before are
    /// void. A revision that has a body keeps it. couch_key_tree:merge/2.
    Merged merge(std::uint64_t generation, std::span<const RevisionHash> path, const Leaf& leaf);

    /// Drops ancestors further than `limit` from every leaf (couch_key_tree:stem/2). Returns the
    /// revisions that are gone and had a body.
    std::vector<Revision> stem(std::uint64_t limit);

    /// Removes those of `leaves` that are leaves, and then what is left without a leaf above it
    /// (couch_key_tree:remove_leafs/2). Returns the given revisions that were removed. `dropped`
    /// receives every revision with a body that left the tree.
    std::vector<Revision> remove_leaves(std::span<const Revision> leaves,
                                        std::vector<Revision>& dropped);

    std::span<const RevisionNode> nodes() const { return nodes_; }
    bool empty() const { return nodes_.empty(); }
    std::optional<Index> find(const Revision& revision) const;
    const RevisionNode& node(Index index) const { return nodes_[index]; }

    /// The winner: not deleted before deleted, then the greater revision. The tree must not be
    /// empty.
    Index winner() const;
    /// All leaves, the winner first, then in the order that decides winners
    /// (couch_doc:to_doc_info/1 sorts so).
    std::vector<Index> leaves() const;
    /// From the revision to its root, newest first.
    std::vector<Revision> path(Index index) const;
    /// Every leaf that `index` is an ancestor of, or is itself; in the order of `leaves()`.
    std::vector<Index> leaves_above(Index index) const;
    /// Where the body of an inner revision was dropped by compaction.
    void drop_body(Index index) { nodes_[index].has_body = false; }
    void set_sequence(Index index, Sequence sequence) { nodes_[index].sequence = sequence; }

    void encode(Bytes& out) const;
    /// Throws `CorruptBytes`.
    static RevisionTree decode(ByteReader& in);

private:
    bool add_ancestors(std::uint64_t generation, std::span<const RevisionHash> path,
                       std::span<const Index> at);
    void sort_by_generation();
    void keep(const std::vector<bool>& kept, std::vector<Revision>& dropped);

    std::vector<RevisionNode> nodes_;
};

}  // namespace divan::storage
