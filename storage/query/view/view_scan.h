#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "storage/query/index/collation_key.h"
#include "storage/query/index/index_tree.h"
#include "storage/query/view/reducers.h"

namespace divan::storage {

/// A stretch of a tree: entries from `lower` up to, not including, `upper`. Empty ones are no
/// bounds.
struct EntryRange {
    Bytes lower;
    Bytes upper;

    bool empty() const { return !upper.empty() && upper <= lower; }
};

/// What of its ranges a scan gives.
struct ScanOptions {
    bool descending = false;
    std::uint64_t skip = 0;
    std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
};

/// Walks the rows of ranges, one after the other. `descending` turns round the order of keys and
/// documents, but not of a document's rows of one key, as couch_mrview_util:fold_fun/4 does. The
/// tree must outlive it. Where it starts, however far, costs O(log rows).
class RowScan {
public:
    RowScan(const IndexTree& tree, std::vector<EntryRange> ranges, ScanOptions options);

    /// Rows of the tree before the first one, in the direction of the walk, `skip` included. Of
    /// several ranges: before the first one's.
    std::uint64_t offset() const;
    /// Null at the end. The row is good until the next call.
    const IndexRow* next();

private:
    struct Owned {
        Bytes entry, key, value;
        IndexRow row;
    };
    std::uint64_t position_of(const EntryRange& range, bool end) const;
    bool open_range();
    void start(std::uint64_t from, std::uint64_t to);
    void start_descending(std::uint64_t to);
    void step();
    void take_equals();

    const IndexTree& tree_;
    const std::vector<EntryRange> ranges_;
    ScanOptions options_;
    IndexCursor cursor_;
    std::size_t at_range_ = 0;
    std::uint64_t range_left_ = 0;
    bool moved_ = false;          ///< The cursor is on the row given last.
    std::deque<Owned> equals_;    ///< Rows of one document and key, turned round.
    std::optional<Owned> given_;  ///< The one of them given last.
};

/// Walks the groups of ranges, each with its reduction. The tree and the reducer must outlive it.
class GroupScan {
public:
    static constexpr std::size_t exact = std::numeric_limits<std::size_t>::max();

    struct Grouping {
        std::size_t level = 0;  ///< 0: all in one group; else so many items of arrays; or `exact`.
        Collation collation = Collation::unicode;
        std::size_t prefix_bytes = 0;  ///< Of entries, before the collation key of the row's key.
    };
    GroupScan(const IndexTree& tree, std::size_t reducer_index, const ViewReducer& reducer,
              std::vector<EntryRange> ranges, Grouping grouping, ScanOptions options);

    struct Group {
        std::string key;    ///< JSON text.
        std::string value;  ///< JSON text.
    };
    /// Empty at the end.
    std::optional<Group> next();

private:
    bool next_bounds(EntryRange& group, std::string& key);

    const IndexTree& tree_;
    const std::size_t reducer_index_;
    const ViewReducer& reducer_;
    std::vector<EntryRange> ranges_;  ///< What is left of them.
    const Grouping grouping_;
    ScanOptions options_;
    std::size_t at_range_ = 0;
};

}  // namespace divan::storage
