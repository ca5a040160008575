#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/bytes.h"

namespace divan::storage {

/// One row of an index. Views into the node, or the batch, that holds it.
struct IndexRow {
    /// What rows are ordered by (`memcmp`), unique in its tree: the collation key, the document id
    /// (`ordered`), and for all but the first of a document's rows of one key a number (u32).
    BytesView entry;
    std::uint32_t collation_bytes = 0;  ///< Of `entry`: what `group_prefix_bytes` speaks of.
    BytesView key;                      ///< JSON text, as it is sent.
    BytesView value;                    ///< JSON text.

    BytesView collation_key() const { return entry.substr(0, collation_bytes); }
    /// The collation key and the document id: the same in rows that differ by number alone.
    BytesView place() const;
    Bytes id() const;
};

/// What an inner node knows of a child.
struct IndexChild {
    BytesView lower;  ///< No entry of the child is less, and those of earlier children all are.
    std::uint64_t node = 0;
    std::uint64_t rows = 0;
    BytesView reductions;  ///< A `sized` one for each of the tree's reducers.
};

/// A node of the tree: rows in a leaf, children in an inner node. Reads are views into `bytes`.
struct IndexNode {
    bool leaf = true;
    std::vector<IndexRow> rows;
    std::vector<IndexChild> children;

    /// Both throw `CorruptBytes`.
    static IndexNode decode(BytesView bytes);
    static BytesView reduction(BytesView reductions, std::size_t reducer);
};

Bytes encode_leaf(const std::vector<IndexRow>& rows);
Bytes encode_inner(const std::vector<IndexChild>& children);

/// About how many bytes they take in a node.
std::size_t stored_bytes(const IndexRow& row);
std::size_t stored_bytes(const IndexChild& child);

}  // namespace divan::storage
