#include "storage/query/mango/document_sources.h"

#include <algorithm>

#include "storage/database/counted_view.h"
#include "storage/document/design_document.h"

namespace divan::storage::mango {
namespace {

using Operator = SelectorNode::Operator;
using Ids = std::vector<std::string>;

/// Counts what was read, and hands it to the next match.
Examined take(Examined& examined) {
    return std::exchange(examined, {});
}

bool is_over(const Matches& matches, const StepLimits& limits, std::uint64_t documents,
             std::size_t bytes) {
    return matches.found.size() >= limits.matches || documents >= limits.documents ||
           bytes >= limits.bytes;
}

void count(Examined& examined, bool quorum) {
    ++examined.keys;
    ++(quorum ? examined.quorum_documents : examined.documents);
}

void add_match(Matches& matches, std::string_view id, std::string text, Examined& examined) {
    Match match;
    match.id = id;
    match.key = json_string(id);
    match.text = std::move(text);
    match.examined = take(examined);
    matches.found.push_back(std::move(match));
}

std::optional<Ids> ids_of(const SelectorNode& node) {
    if (node.op != Operator::field || node.name != "_id") return std::nullopt;
    const auto& condition = node.children.front();
    Ids ids;
    if (condition.op == Operator::equal) {
        if (condition.argument.is_string()) ids.push_back(condition.argument.string());
        return ids;
    }
    if (condition.op != Operator::in) return std::nullopt;
    for (const auto& choice : condition.argument.items()) {
        if (choice.is_string()) ids.push_back(choice.string());
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

/// Lower and upper limit in byte order, whichever way the walk goes.
struct Limits {
    std::optional<std::string> low;
    std::optional<std::string> high;
    bool inclusive = true;
};

/// Keeps them within "p:" and "p;".
void keep_in_partition(Limits& limits, const std::string& partition) {
    auto first = partition + ":";
    auto after = partition + ";";
    if (!limits.low || *limits.low < first) limits.low = std::move(first);
    if (limits.high && *limits.high < after) return;
    limits.high = std::move(after);
    limits.inclusive = false;
}

IdRange in_order(Limits limits, bool descending) {
    IdRange range;
    range.descending = descending;
    if (descending) {
        // The walk starts at the high end, which belongs to it: one that does not has no document.
        range.start = std::move(limits.high);
        range.end = std::move(limits.low);
    } else {
        range.start = std::move(limits.low);
        range.end = std::move(limits.high);
        range.inclusive_end = limits.inclusive;
    }
    return range;
}

/// Ids strictly within a range, in the direction of its walk, about so many documents apart.
Ids boundaries(const ReadView& view, const IdRange& range, std::uint64_t documents) {
    const auto& low = range.descending ? range.end : range.start;
    const auto& high = range.descending ? range.start : range.end;
    const CountedView counted(view, CountedView::Kind::documents);
    const auto first = low ? counted.before(*low) : 0;
    const auto after = high ? counted.before(*high) : counted.total();
    const auto lowest = low.value_or("");
    Ids found;
    for (auto at = first + documents; at < after; at += documents) {
        auto boundary = counted.locate(at).first;
        const auto& below = found.empty() ? lowest : found.back();
        if (boundary > below) found.push_back(std::move(boundary));
    }
    if (range.descending) std::reverse(found.begin(), found.end());
    return found;
}

}  // namespace

ScanSource::ScanSource(std::shared_ptr<const ReadView> view, std::shared_ptr<const Matcher> matcher,
                       IdRange range, bool quorum)
    : scan_(std::move(view), std::move(range)), matcher_(std::move(matcher)), quorum_(quorum) {}

Matches ScanSource::step(const StepLimits& limits) {
    Matches matches;
    std::uint64_t documents = 0;
    std::size_t bytes = 0;
    std::string text;
    while (!is_over(matches, limits, documents, bytes)) {
        const auto* const row = scan_.next();
        if (row == nullptr) {
            matches.rest = take(examined_);
            matches.exhausted = true;
            break;
        }
        ++documents;
        count(examined_, quorum_);
        const auto body = scan_.body();
        if (!body || !matcher_->accept(row->id, row->head, *body, row->record, text)) continue;
        // CouchDB drops a design document only after it has matched, and what was counted with it.
        if (is_design_id(row->id)) {
            take(examined_);
            text.clear();
            continue;
        }
        bytes += text.size();
        add_match(matches, row->id, std::exchange(text, {}), examined_);
    }
    return matches;
}

LookupSource::LookupSource(std::shared_ptr<const ReadView> view,
                           std::shared_ptr<const Matcher> matcher, Ids ids, bool quorum)
    : view_(std::move(view)), matcher_(std::move(matcher)), ids_(std::move(ids)), quorum_(quorum) {}

Matches LookupSource::step(const StepLimits& limits) {
    Matches matches;
    std::uint64_t documents = 0;
    std::size_t bytes = 0;
    for (; at_ < ids_.size() && !is_over(matches, limits, documents, bytes); ++at_) {
        const auto& id = ids_[at_];
        if (is_design_id(id)) continue;
        const auto winner = view_->winner(id);
        ++documents;
        if (!winner || winner->head.deleted) continue;
        count(examined_, quorum_);
        std::string text;
        if (!matcher_->accept(id, winner->head, winner->body, std::nullopt, text)) continue;
        bytes += text.size();
        add_match(matches, id, std::move(text), examined_);
    }
    if (at_ == ids_.size()) {
        matches.rest = take(examined_);
        matches.exhausted = true;
    }
    return matches;
}

std::optional<Ids> wanted_ids(const Selector& selector) {
    const auto* const root = selector.root();
    if (root == nullptr) return std::nullopt;
    if (root->op != Operator::all_of) return ids_of(*root);
    std::optional<Ids> fewest;
    for (const auto& child : root->children) {
        auto ids = ids_of(child);
        if (ids && (!fewest || ids->size() < fewest->size())) fewest = std::move(ids);
    }
    return fewest;
}

std::optional<IdRange> id_range(const std::vector<FieldRange>& ranges, const FindOptions& options) {
    Limits limits;
    if (!ranges.empty()) {
        // A limit that is no string lies below every id.
        const auto string_of = [](const Bound& bound) -> std::optional<std::string> {
            if (bound.kind == Bound::Kind::open) return std::nullopt;
            std::string scratch;
            const JsonText value(bound.value);
            if (value.kind() != JsonText::Kind::string) return std::nullopt;
            return std::string(value.string(scratch));
        };
        limits.low = string_of(ranges.front().low);
        limits.high = string_of(ranges.front().high);
        const bool high_given = ranges.front().high.kind != Bound::Kind::open;
        if (high_given && !limits.high) return std::nullopt;
    }
    if (!options.partition.empty()) keep_in_partition(limits, options.partition);
    return in_order(std::move(limits), options.descending());
}

std::deque<IdRange> cut(const ReadView& view, const IdRange& range, std::uint64_t documents) {
    std::deque<IdRange> pieces{range};
    for (auto& boundary : boundaries(view, range, documents)) {
        auto& last = pieces.back();
        IdRange next = last;
        next.skip = 0;
        next.start = boundary;
        last.end = std::move(boundary);
        last.inclusive_end = false;
        pieces.push_back(std::move(next));
    }
    return pieces;
}

}  // namespace divan::storage::mango
