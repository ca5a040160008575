#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "storage/query/index/indexes.h"
#include "storage/query/mango/bookmark.h"
#include "storage/query/mango/key_range.h"
#include "storage/query/mango/match.h"

namespace divan::storage::mango {

/// A `json` index at one moment.
struct OpenIndex {
    std::shared_ptr<const IndexReading> reading;
    std::size_t tree = 0;
};

/// A stretch of an index: the entries in [lower, upper). An empty bound is none.
struct EntryRange {
    Bytes lower;
    Bytes upper;
};

/// The stretches of an index that a plan means, in ascending order. Values that `$in` gives for a
/// field after constant ones are looked up one by one.
std::deque<EntryRange> entry_ranges(const Plan& plan, const FindOptions& options);

/// Matching documents by the rows of an index. With a covering index the rows are the documents.
class IndexSource final : public MatchSource {
public:
    /// `after` is where an earlier page ended.
    IndexSource(OpenIndex index, std::shared_ptr<const Matcher> matcher, const Plan& plan,
                const FindOptions& options, const std::optional<Bookmark>& after);
    Matches step(const StepLimits& limits) override;

private:
    void start_after(const Bookmark& bookmark, const FindOptions& options);
    bool next_row();
    bool seek();
    bool accept(const IndexRow& row, std::string_view id, std::string& text);
    std::string covered_document(const IndexRow& row, std::string_view id) const;

    const OpenIndex index_;
    const IndexTree tree_;
    const std::shared_ptr<const Matcher> matcher_;
    const bool descending_;
    const bool quorum_;
    const std::vector<std::string> covered_;  ///< The columns, where the index covers the query.
    std::deque<EntryRange> ranges_;
    IndexCursor cursor_;
    bool seeking_ = true;
    Examined examined_;
};

}  // namespace divan::storage::mango
