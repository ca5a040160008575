#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/base/ids.h"
#include "storage/engine/engine.h"

namespace divan::storage {

/// How many keys a database has in each of many small ranges, so that a position in a list of
/// millions is found by adding counts up instead of walking. The counts are committed in the same
/// batch as the keys they count, so every snapshot has its own true ones.
///
/// Ranges split as they grow: about `keys_in_range_max` keys each. One thread at a time.
class RangeCounts {
public:
    static constexpr std::uint64_t keys_in_range_max = 2048;

    /// A range starts at `first` (the very first one at "") and ends where the next one starts.
    struct Range {
        Bytes first;
        std::uint64_t count = 0;
    };

    /// `kind` is one of the `count_…` of keys.h.
    RangeCounts(DatabaseId database, char kind) : database_(database), kind_(kind) {}
    static RangeCounts load(const Reader& reader, DatabaseId database, char kind);

    /// Changes that a commit is about to make.
    using Deltas = std::map<std::size_t, std::int64_t>;
    void add(Deltas& deltas, BytesView key) const { ++deltas[range_of(key)]; }
    void remove(Deltas& deltas, BytesView key) const { --deltas[range_of(key)]; }
    void write(const Deltas& deltas, Batch& batch) const;
    /// After the commit.
    void apply(const Deltas& deltas);

    /// Of keys that are numbers and mostly grow: starts ranges of about a thousand for those that
    /// are to be counted. Numbers that are left out get none.
    void open_ranges(std::vector<std::uint64_t> numbers);

    /// The ranges that have grown too large.
    std::vector<std::size_t> oversized(const Deltas& touched) const;
    /// Replaces a range by parts, of which the first begins with the same key. `write_split` goes
    /// into a batch; `split` follows once that is committed, before anything else is counted.
    void write_split(const std::vector<Range>& parts, Batch& batch) const;
    void split(std::size_t range, std::vector<Range> parts);

    std::size_t range_of(BytesView key) const;
    const Range& range(std::size_t index) const { return ranges_[index]; }
    std::size_t size() const { return ranges_.size(); }
    std::uint64_t total() const { return total_; }
    /// The sum of all ranges before this one.
    std::uint64_t before(std::size_t index) const;
    /// The range that holds the key with `position` keys before it, and how many keys of that range
    /// precede it. `position` must be below `total()`.
    std::pair<std::size_t, std::uint64_t> locate(std::uint64_t position) const;

private:
    DatabaseId database_;
    char kind_;
    std::vector<Range> ranges_{Range{}};
    std::uint64_t total_ = 0;
};

}  // namespace divan::storage
