#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "storage/query/mango/document_sources.h"
#include "storage/query/mango/find_answer.h"
#include "storage/query/mango/index_source.h"
#include "storage/query/mango/match.h"
#include "storage/query/mango/planner.h"

namespace divan::storage::mango {

/// Where the matches of one query come from, as of one view of the database. One thread at a time;
/// the sources it gave live on their own.
class Find {
public:
    /// A scan is cut into pieces of about so many documents.
    static constexpr std::uint64_t piece_documents = 8192;

    /// By documents' ids. Throws `Refused` where the options do not fit the database, or the
    /// bookmark is none.
    Find(std::shared_ptr<const ReadView> view, const Plan& plan, const FindOptions& options);
    /// By the rows of `plan.index`. Throws as above.
    Find(OpenIndex index, const Plan& plan, const FindOptions& options);

    /// The source of the matches that come after those of the sources before it; null at the end.
    std::unique_ptr<MatchSource> next_source();

private:
    void check_partition(const FindOptions& options) const;

    std::shared_ptr<const ReadView> view_;
    std::shared_ptr<const Matcher> matcher_;
    const bool quorum_;
    std::unique_ptr<MatchSource> rows_;
    std::optional<std::vector<std::string>> ids_;
    std::deque<IdRange> pieces_;
};

}  // namespace divan::storage::mango
