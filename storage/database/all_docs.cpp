#include "storage/database/all_docs.h"

#include <algorithm>

#include "storage/database/counted_view.h"
#include "storage/engine/keys.h"

namespace divan::storage {
namespace {

constexpr std::string_view design_first = "_design/";
constexpr std::string_view design_after = "_design0";

/// Below it, skipping is done by walking.
constexpr std::uint64_t walked_skip_max = 2 * RangeCounts::keys_in_range_max;

}  // namespace

AllDocsScan::AllDocsScan(std::shared_ptr<const ReadView> view, IdRange range)
    : view_(std::move(view)), range_(std::move(range)), bodies_(view_), left_(range_.limit) {
    const CountedView counted(*view_, CountedView::Kind::documents);
    const auto first = range_.design_only ? counted.before(design_first) : 0;
    const auto after = range_.design_only ? counted.before(design_after) : counted.total();
    total_rows_ = after - first;

    std::uint64_t preceding = 0;
    if (range_.start) {
        // Descending, the start itself belongs to the range.
        Bytes key = *range_.start;
        if (range_.descending) key.push_back('\0');
        const auto before = std::clamp(counted.before(key), first, after);
        preceding = range_.descending ? after - before : before - first;
    }
    const auto skipped = preceding + std::min(range_.skip, total_rows_);
    // CouchDB counts what lies on the way to the design documents too, but stops at their number
    // (couch_db:fold_design_docs/4, fabric_view_all_docs:handle_message/3).
    const auto outside = range_.descending ? counted.total() - after : first;
    offset_ = std::min(total_rows_, outside + skipped);
    if (range_.skip > walked_skip_max) {
        const auto position = std::min(total_rows_, skipped);
        jump_to_ = range_.descending ? after - position : first + position;
        jump_ = position < total_rows_;
        if (!jump_) left_ = 0;
    }
}

AllDocsScan::~AllDocsScan() = default;

void AllDocsScan::start() {
    started_ = true;
    const auto id = view_->database().id();
    const auto prefix = keys::database(id);
    const auto lower = range_.design_only ? keys::document(id, design_first) : prefix;
    const auto upper = range_.design_only ? keys::document(id, design_after)
                                          : keys::after_prefix(prefix);
    cursor_ = view_->snapshot().cursor(Family::docs, lower, upper);

    auto skip = range_.skip;
    if (jump_) {
        // Descending, the row at `jump_to_` - 1 comes first.
        const auto position = range_.descending ? jump_to_ - 1 : jump_to_;
        const auto [range_first, within] =
            CountedView(*view_, CountedView::Kind::documents).locate(position);
        cursor_->seek(keys::document(id, range_first));
        for (auto left = within;; cursor_->next()) {
            while (cursor_->valid() && row_deleted()) cursor_->next();
            if (left-- == 0) break;
        }
        return;
    }
    if (range_.descending) {
        cursor_->seek_back(range_.start ? std::min(keys::document(id, *range_.start), upper)
                                        : upper);
    } else {
        cursor_->seek(range_.start ? std::max(keys::document(id, *range_.start), lower) : lower);
    }
    for (; skip > 0 && cursor_->valid(); step()) {
        if (!row_deleted()) --skip;
    }
}

bool AllDocsScan::row_deleted() const {
    return DocumentRecord::decode_head(cursor_->value()).deleted;
}

void AllDocsScan::step() {
    range_.descending ? cursor_->previous() : cursor_->next();
}

bool AllDocsScan::in_range() const {
    if (!range_.end) return true;
    const auto order = keys::id_of(cursor_->key()).compare(*range_.end);
    if (order == 0) return range_.inclusive_end;
    return range_.descending ? order > 0 : order < 0;
}

const AllDocsScan::Row* AllDocsScan::next() {
    if (left_ == 0) return nullptr;
    if (!started_) {
        start();
    } else if (cursor_->valid()) {
        step();
    }
    for (; cursor_->valid(); step()) {
        if (!in_range()) break;
        row_.head = DocumentRecord::decode_head(cursor_->value());
        if (row_.head.deleted) continue;
        row_.id = keys::id_of(cursor_->key());
        row_.record = cursor_->value();
        --left_;
        return &row_;
    }
    left_ = 0;
    return nullptr;
}

std::optional<StoredBody> AllDocsScan::body() {
    if (range_.descending) return view_->body(row_.id, row_.head.winner);
    return bodies_.body(row_.id, row_.head.winner);
}

}  // namespace divan::storage
