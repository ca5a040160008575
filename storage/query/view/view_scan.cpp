#include "storage/query/view/view_scan.h"

#include <algorithm>

#include "storage/engine/keys.h"
#include "storage/query/index/row_batch.h"

namespace divan::storage {
namespace {

std::string group_key(BytesView key, std::size_t level) {
    const JsonText value(key);
    if (value.kind() != JsonText::Kind::array || level == GroupScan::exact) return std::string(key);
    std::string text = "[";
    JsonItems items(value);
    for (std::size_t i = 0; i < level; ++i) {
        const auto item = items.next();
        if (!item) return std::string(key);
        if (i > 0) text.push_back(',');
        text += item->raw();
    }
    return text + "]";
}

}  // namespace

// ---------------------------------------------------------------------------------------- rows

RowScan::RowScan(const IndexTree& tree, std::vector<EntryRange> ranges, ScanOptions options)
    : tree_(tree), ranges_(std::move(ranges)), options_(options), cursor_(tree) {}

std::uint64_t RowScan::position_of(const EntryRange& range, bool end) const {
    if (!end) return tree_.count_below(range.lower);
    return range.upper.empty() ? tree_.state().rows : tree_.count_below(range.upper);
}

std::uint64_t RowScan::offset() const {
    const auto total = tree_.state().rows;
    if (ranges_.empty()) return std::min(options_.skip, total);
    const auto& first = ranges_.front();
    const auto before =
        options_.descending ? total - position_of(first, true) : position_of(first, false);
    return before + std::min(options_.skip, total - before);
}

bool RowScan::open_range() {
    for (; at_range_ < ranges_.size() && options_.limit > 0; ++at_range_) {
        const auto& range = ranges_[at_range_];
        if (range.empty()) continue;
        const auto from = position_of(range, false);
        const auto to = position_of(range, true);
        const auto count = to - std::min(from, to);
        if (count <= options_.skip) {
            options_.skip -= count;
            continue;
        }
        start(from, to);
        ++at_range_;
        return true;
    }
    return false;
}

void RowScan::start(std::uint64_t from, std::uint64_t to) {
    range_left_ = to - from - options_.skip;
    moved_ = false;
    if (options_.descending) {
        start_descending(to);
    } else {
        cursor_.seek_position(from + options_.skip);
    }
    options_.skip = 0;
}

// The row where the walk begins can be within a document's rows of one key, which are not turned
// round: then it begins at the last of them, and passes over so many as `skip` says.
void RowScan::start_descending(std::uint64_t to) {
    const auto position = to - 1 - options_.skip;
    cursor_.seek_position(position);
    const Bytes place(cursor_.row().place());
    std::uint64_t last = position;
    while (last + 1 < to) {
        cursor_.next();
        if (!cursor_.valid() || cursor_.row().place() != place) break;
        ++last;
    }
    cursor_.seek_position(last);
    if (row_number(cursor_.row()) == 0) return;
    take_equals();
    const auto passed_over = options_.skip - (to - 1 - last);
    equals_.erase(equals_.begin(), equals_.begin() + static_cast<std::ptrdiff_t>(passed_over));
}

void RowScan::take_equals() {
    for (auto left = row_number(cursor_.row());; --left) {
        const auto& row = cursor_.row();
        Owned owned{Bytes(row.entry), Bytes(row.key), Bytes(row.value), {}};
        owned.row.collation_bytes = row.collation_bytes;
        equals_.push_front(std::move(owned));
        if (left == 0) break;
        cursor_.previous();
        if (!cursor_.valid()) throw CorruptBytes();
    }
    moved_ = true;
}

void RowScan::step() {
    if (!moved_) {
        moved_ = true;
    } else if (options_.descending) {
        cursor_.previous();
    } else {
        cursor_.next();
    }
    if (!cursor_.valid()) throw CorruptBytes();
}

const IndexRow* RowScan::next() {
    if (options_.limit == 0) return nullptr;
    if (range_left_ == 0 && !open_range()) return nullptr;
    --range_left_;
    --options_.limit;
    if (equals_.empty()) {
        step();
        if (!options_.descending || row_number(cursor_.row()) == 0) return &cursor_.row();
        take_equals();
    }
    given_ = std::move(equals_.front());
    equals_.pop_front();
    given_->row.entry = given_->entry;
    given_->row.key = given_->key;
    given_->row.value = given_->value;
    return &given_->row;
}

// -------------------------------------------------------------------------------------- groups

GroupScan::GroupScan(const IndexTree& tree, std::size_t reducer_index, const ViewReducer& reducer,
                     std::vector<EntryRange> ranges, Grouping grouping, ScanOptions options)
    : tree_(tree),
      reducer_index_(reducer_index),
      reducer_(reducer),
      ranges_(std::move(ranges)),
      grouping_(grouping),
      options_(options) {}

std::optional<GroupScan::Group> GroupScan::next() {
    EntryRange bounds;
    Group group;
    while (options_.limit > 0 && next_bounds(bounds, group.key)) {
        if (options_.skip > 0) {
            --options_.skip;
            continue;
        }
        const auto reduction = tree_.reduce(bounds.lower, bounds.upper, reducer_index_, reducer_,
                                            options_.descending);
        if (!reduction) throw CorruptBytes();  // There was a row.
        --options_.limit;
        group.value = reducer_.finish(*reduction);
        return group;
    }
    return std::nullopt;
}

// The next group's part of its range, which is taken off the range.
bool GroupScan::next_bounds(EntryRange& group, std::string& key) {
    IndexCursor cursor(tree_);
    for (; at_range_ < ranges_.size(); ++at_range_) {
        auto& range = ranges_[at_range_];
        if (range.empty()) continue;
        if (options_.descending) {
            cursor.seek_back(range.upper);
        } else {
            cursor.seek(range.lower);
        }
        if (!cursor.valid()) continue;
        const auto& row = cursor.row();
        if (row.entry < range.lower || (!range.upper.empty() && row.entry >= range.upper)) continue;
        group = range;
        if (grouping_.level == 0) {
            key = "null";
            ++at_range_;
            return true;
        }
        const auto bytes =
            grouping_.level == exact
                ? row.collation_bytes
                : grouping_.prefix_bytes +
                      group_prefix_bytes(JsonText(row.key), grouping_.level, grouping_.collation);
        const Bytes first(row.entry.substr(0, bytes));
        const auto after = keys::after_prefix(first);
        group.lower = std::max(range.lower, first);
        if (range.upper.empty() || after < range.upper) group.upper = after;
        key = group_key(row.key, grouping_.level);
        if (options_.descending) {
            range.upper = group.lower;
        } else {
            range.lower = group.upper;
        }
        return true;
    }
    return false;
}

}  // namespace divan::storage
