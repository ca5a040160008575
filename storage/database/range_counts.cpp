#include "storage/database/range_counts.h"

#include <algorithm>

#include "storage/engine/keys.h"

namespace divan::storage {
namespace {

constexpr std::uint64_t numbers_in_range = 1024;

Bytes encode_count(std::uint64_t count) {
    Bytes bytes;
    ByteWriter(bytes).varint(count);
    return bytes;
}

}  // namespace

RangeCounts RangeCounts::load(const Reader& reader, DatabaseId database, char kind) {
    RangeCounts counts(database, kind);
    counts.ranges_.clear();
    const auto prefix = keys::range_counts_of(database, kind);
    const auto cursor = reader.cursor(Family::index, prefix, keys::after_prefix(prefix));
    for (cursor->seek(prefix); cursor->valid(); cursor->next()) {
        ByteReader value(cursor->value());
        const auto count = value.varint();
        counts.ranges_.push_back({Bytes(cursor->key().substr(prefix.size())), count});
        counts.total_ += count;
    }
    // The range that starts at "" is only written once something was counted in it.
    if (counts.ranges_.empty() || !counts.ranges_.front().first.empty()) {
        counts.ranges_.insert(counts.ranges_.begin(), Range{});
    }
    return counts;
}

void RangeCounts::open_ranges(std::vector<std::uint64_t> numbers) {
    std::sort(numbers.begin(), numbers.end());
    const auto& last = ranges_.back().first;
    auto start = last.empty() ? std::uint64_t{0} : ByteReader(last).u64();
    for (const auto number : numbers) {
        if (number < start + numbers_in_range) continue;
        start += (number - start) / numbers_in_range * numbers_in_range;
        Bytes first;
        ByteWriter(first).u64(start);
        ranges_.push_back({std::move(first), 0});
    }
}

void RangeCounts::write(const Deltas& deltas, Batch& batch) const {
    for (const auto& [index, delta] : deltas) {
        if (delta == 0) continue;
        const auto& range = ranges_[index];
        batch.put(Family::index, keys::range_count(database_, kind_, range.first),
                  encode_count(range.count + static_cast<std::uint64_t>(delta)));
    }
}

void RangeCounts::apply(const Deltas& deltas) {
    for (const auto& [index, delta] : deltas) {
        ranges_[index].count += static_cast<std::uint64_t>(delta);
        total_ += static_cast<std::uint64_t>(delta);
    }
}

std::vector<std::size_t> RangeCounts::oversized(const Deltas& touched) const {
    std::vector<std::size_t> found;
    for (const auto& [index, delta] : touched) {
        if (delta > 0 && ranges_[index].count > keys_in_range_max) found.push_back(index);
    }
    return found;
}

void RangeCounts::write_split(const std::vector<Range>& parts, Batch& batch) const {
    for (const auto& part : parts) {
        batch.put(Family::index, keys::range_count(database_, kind_, part.first),
                  encode_count(part.count));
    }
}

void RangeCounts::split(std::size_t range, std::vector<Range> parts) {
    DIVAN_CHECK(!parts.empty() && parts.front().first == ranges_[range].first);
    for (const auto& part : parts) total_ += part.count;
    total_ -= ranges_[range].count;
    ranges_[range] = std::move(parts.front());
    const auto at = ranges_.begin() + static_cast<std::ptrdiff_t>(range) + 1;
    ranges_.insert(at, std::make_move_iterator(parts.begin() + 1),
                   std::make_move_iterator(parts.end()));
}

std::size_t RangeCounts::range_of(BytesView key) const {
    const auto after = std::upper_bound(
        ranges_.begin(), ranges_.end(), key,
        [](BytesView wanted, const Range& range) { return wanted < range.first; });
    return static_cast<std::size_t>(after - ranges_.begin()) - 1;
}

std::uint64_t RangeCounts::before(std::size_t index) const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < index; ++i) sum += ranges_[i].count;
    return sum;
}

std::pair<std::size_t, std::uint64_t> RangeCounts::locate(std::uint64_t position) const {
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
        if (position < ranges_[i].count) return {i, position};
        position -= ranges_[i].count;
    }
    return {ranges_.size() - 1, ranges_.back().count};
}

}  // namespace divan::storage
