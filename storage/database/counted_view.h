#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "storage/database/range_counts.h"
#include "storage/database/read_view.h"

namespace divan::storage {

/// Positions in a list of a view, found by the counts of that very moment: those in memory where no
/// commit came between, else those that the snapshot holds. Lives no longer than its view.
class CountedView {
public:
    enum class Kind : std::uint8_t { documents, changes };

    CountedView(const ReadView& view, Kind kind);

    std::uint64_t total() const { return total_; }
    /// How many counted keys sort before `key` (of documents: ids; of changes: 8-byte sequences).
    std::uint64_t before(BytesView key) const;
    /// The first key of the range that holds position `position`, and how many keys of that range
    /// precede the position. `position` must be below `total()`.
    std::pair<Bytes, std::uint64_t> locate(std::uint64_t position) const;

private:
    template <class F>
    auto with_counts(F use) const;
    std::uint64_t walk(BytesView from, BytesView to) const;

    const ReadView& view_;
    Kind kind_;
    mutable std::unique_ptr<RangeCounts> own_;
    std::uint64_t total_ = 0;
};

}  // namespace divan::storage
