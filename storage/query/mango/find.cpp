#include "storage/query/mango/find.h"

#include <algorithm>

namespace divan::storage::mango {
namespace {

std::optional<Bookmark> bookmark_of(const FindOptions& options) {
    if (!options.bookmark) return std::nullopt;
    return parse_bookmark(*options.bookmark);
}

/// Drops what a walk that goes on after the bookmark has behind it, and what is not in the
/// partition.
void trim(std::vector<std::string>& ids, const FindOptions& options,
          const std::optional<Bookmark>& bookmark) {
    const auto partition = options.partition + ":";
    const auto dropped = [&](const std::string& id) {
        if (!options.partition.empty() && !id.starts_with(partition)) return true;
        if (!bookmark) return false;
        return options.descending() ? id >= bookmark->id : id <= bookmark->id;
    };
    ids.erase(std::remove_if(ids.begin(), ids.end(), dropped), ids.end());
    if (options.descending()) std::reverse(ids.begin(), ids.end());
}

/// Starts the walk after the bookmark's document.
void start_after(IdRange& range, const Bookmark& bookmark, const ReadView& view) {
    range.start = bookmark.id;
    const auto head = view.head(bookmark.id);
    range.skip = head && !head->deleted ? 1 : 0;
}

}  // namespace

Find::Find(std::shared_ptr<const ReadView> view, const Plan& plan, const FindOptions& options)
    : view_(std::move(view)),
      matcher_(std::make_shared<Matcher>(*view_, options)),
      quorum_(options.r > 1) {
    if (plan.nothing) return;
    check_partition(options);
    const auto bookmark = bookmark_of(options);
    ids_ = wanted_ids(options.selector);
    if (ids_) {
        trim(*ids_, options, bookmark);
        return;
    }
    auto range = id_range(plan.ranges, options);
    if (!range) return;
    if (bookmark) start_after(*range, *bookmark, *view_);
    pieces_ = cut(*view_, *range, piece_documents);
}

Find::Find(OpenIndex index, const Plan& plan, const FindOptions& options)
    : view_(index.reading->view),
      matcher_(std::make_shared<Matcher>(*view_, options)),
      quorum_(options.r > 1) {
    check_partition(options);
    rows_ = std::make_unique<IndexSource>(std::move(index), matcher_, plan, options,
                                          bookmark_of(options));
}

void Find::check_partition(const FindOptions& options) const {
    if (options.partition.empty() || view_->database().entry().partitioned) return;
    throw Refused(Code::query_parse_error, "`partition` parameter is not supported on this db");
}

std::unique_ptr<MatchSource> Find::next_source() {
    if (rows_) return std::move(rows_);
    if (ids_) {
        auto ids = std::move(*ids_);
        ids_.reset();
        return std::make_unique<LookupSource>(view_, matcher_, std::move(ids), quorum_);
    }
    if (pieces_.empty()) return nullptr;
    auto piece = std::move(pieces_.front());
    pieces_.pop_front();
    return std::make_unique<ScanSource>(view_, matcher_, std::move(piece), quorum_);
}

}  // namespace divan::storage::mango
