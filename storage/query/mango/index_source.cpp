#include "storage/query/mango/index_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/document/client_document.h"
#include "storage/engine/keys.h"
#include "storage/query/index/collation_key.h"

namespace divan::storage::mango {
namespace {

using Operator = SelectorNode::Operator;
using Values = std::vector<std::string>;

std::string key_text(const Values& values) {
    return fmt::format("[{}]", fmt::join(values, ","));
}

/// Where the keys that start with `values` begin.
Bytes begin_of(const Bytes& partition, const Values& values) {
    Bytes bound = partition;
    append_collation_key(bound, JsonText(key_text(values)), Collation::unicode);
    return bound;
}

/// Where they end.
Bytes end_of(const Bytes& partition, const Values& values) {
    const auto text = key_text(values);
    const JsonText key(text);
    Bytes bound = partition;
    append_collation_key(bound, key, Collation::unicode);
    bound.resize(partition.size() + group_prefix_bytes(key, values.size(), Collation::unicode));
    return keys::after_prefix(std::move(bound));
}

/// The `$in` that every match satisfies for `field`; null where there is none.
const SelectorNode* choices_of(const Selector& selector, const std::string& field) {
    const auto* const root = selector.root();
    if (root == nullptr) return nullptr;
    const auto is_wanted = [&](const SelectorNode& node) {
        return node.op == Operator::field && node.name == field &&
               node.children.front().op == Operator::in;
    };
    if (is_wanted(*root)) return &root->children.front();
    if (root->op != Operator::all_of) return nullptr;
    const auto& all = root->children;
    const auto found = std::find_if(all.begin(), all.end(), is_wanted);
    return found == all.end() ? nullptr : &found->children.front();
}

bool is_constant(const FieldRange& range) {
    return range.low.kind == Bound::Kind::inclusive && range.high.kind == Bound::Kind::inclusive &&
           range.low.value == range.high.value;
}

/// A choice means the value itself. An array matches by any of its items, so all arrays are looked
/// through.
std::deque<EntryRange> look_ups(const SelectorNode& choices, Values values,
                                const Bytes& partition) {
    std::deque<EntryRange> ranges;
    values.emplace_back();
    for (const auto& choice : choices.choices) {
        if (JsonText(choice).kind() == JsonText::Kind::array) continue;
        values.back() = choice;
        ranges.push_back({begin_of(partition, values), end_of(partition, values)});
    }
    EntryRange arrays;
    values.back() = "[]";
    arrays.lower = begin_of(partition, values);
    values.back() = "{}";
    arrays.upper = begin_of(partition, values);
    ranges.push_back(std::move(arrays));
    std::sort(ranges.begin(), ranges.end(),
              [](const EntryRange& a, const EntryRange& b) { return a.lower < b.lower; });
    ranges.erase(
        std::unique(ranges.begin(), ranges.end(),
                    [](const EntryRange& a, const EntryRange& b) { return a.lower == b.lower; }),
        ranges.end());
    return ranges;
}

/// Where the row of a bookmark is.
Bytes place_of(const Bookmark& bookmark, bool partitioned) {
    Bytes place;
    if (partitioned) {
        append_partition_key(place, partition_of(bookmark.id));
    }
    append_collation_key(place, JsonText(bookmark.key), Collation::unicode);
    ByteWriter(place).ordered(bookmark.id);
    return place;
}

}  // namespace

std::deque<EntryRange> entry_ranges(const Plan& plan, const FindOptions& options) {
    Bytes partition;
    if (!options.partition.empty()) append_partition_key(partition, options.partition);
    const auto& fields = plan.index->fields;
    const auto narrowed = plan.ranges.size();
    if (narrowed < fields.size() &&
        std::all_of(plan.ranges.begin(), plan.ranges.end(), is_constant)) {
        if (const auto* choices = choices_of(options.selector, fields[narrowed].name)) {
            return look_ups(*choices, key_range(plan.ranges).low, partition);
        }
    }
    const auto range = key_range(plan.ranges);
    return {
        {begin_of(partition, range.low), end_of(partition, range.high)}
    };
}

IndexSource::IndexSource(OpenIndex index, std::shared_ptr<const Matcher> matcher, const Plan& plan,
                         const FindOptions& options, const std::optional<Bookmark>& after)
    : index_(std::move(index)),
      tree_(index_.reading->tree(index_.tree)),
      matcher_(std::move(matcher)),
      descending_(options.descending()),
      quorum_(options.r > 1),
      covered_(plan.covering ? columns(*plan.index) : Values()),
      ranges_(entry_ranges(plan, options)),
      cursor_(tree_) {
    if (descending_) std::reverse(ranges_.begin(), ranges_.end());
    if (after) start_after(*after, options);
}

void IndexSource::start_after(const Bookmark& bookmark, const FindOptions& options) {
    const auto place = place_of(bookmark, !options.partition.empty());
    // Nothing is between an entry and itself with a zero behind it.
    const auto next = place + '\0';
    for (auto& range : ranges_) {
        if (descending_) {
            if (range.upper.empty() || place < range.upper) range.upper = place;
        } else {
            range.lower = std::max(range.lower, next);
        }
    }
    std::erase_if(ranges_, [](const EntryRange& range) {
        return !range.upper.empty() && range.upper <= range.lower;
    });
}

bool IndexSource::seek() {
    if (ranges_.empty()) return false;
    const auto& range = ranges_.front();
    descending_ ? cursor_.seek_back(range.upper) : cursor_.seek(range.lower);
    seeking_ = false;
    return true;
}

bool IndexSource::next_row() {
    if (!seeking_) descending_ ? cursor_.previous() : cursor_.next();
    while (!seeking_ || seek()) {
        const auto& range = ranges_.front();
        if (cursor_.valid()) {
            const auto entry = cursor_.row().entry;
            const bool inside =
                descending_ ? entry >= range.lower : range.upper.empty() || entry < range.upper;
            if (inside) return true;
        }
        ranges_.pop_front();
        seeking_ = true;
    }
    return false;
}

std::string IndexSource::covered_document(const IndexRow& row, std::string_view id) const {
    const auto quoted = json_string(id);
    DocumentBuilder document;
    document.set({"_id"}, quoted);
    JsonItems values{JsonText(row.key)};
    for (const auto& column : covered_) {
        const auto value = values.next();
        if (value) document.set(parse_field(column).value(), value->raw());
    }
    return document.text();
}

bool IndexSource::accept(const IndexRow& row, std::string_view id, std::string& text) {
    ++examined_.keys;
    if (!covered_.empty()) return matcher_->accept_text(covered_document(row, id), text);
    const auto winner = index_.reading->view->winner(id);
    if (!winner || winner->head.deleted) return false;
    ++(quorum_ ? examined_.quorum_documents : examined_.documents);
    return matcher_->accept(id, winner->head, winner->body, std::nullopt, text);
}

Matches IndexSource::step(const StepLimits& limits) {
    Matches matches;
    std::uint64_t rows = 0;
    std::size_t bytes = 0;
    while (matches.found.size() < limits.matches && rows < limits.documents &&
           bytes < limits.bytes) {
        if (!next_row()) {
            matches.rest = std::exchange(examined_, {});
            matches.exhausted = true;
            break;
        }
        ++rows;
        const auto& row = cursor_.row();
        const auto id = row.id();
        Match match;
        if (!accept(row, id, match.text)) continue;
        bytes += match.text.size();
        match.id = id;
        match.key = row.key;
        match.examined = std::exchange(examined_, {});
        matches.found.push_back(std::move(match));
    }
    return matches;
}

}  // namespace divan::storage::mango
