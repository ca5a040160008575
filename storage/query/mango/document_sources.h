#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/database/all_docs.h"
#include "storage/query/mango/match.h"
#include "storage/query/mango/ranges.h"

namespace divan::storage::mango {

/// Matching documents of a range of ids. `matcher` belongs to `view`.
class ScanSource final : public MatchSource {
public:
    ScanSource(std::shared_ptr<const ReadView> view, std::shared_ptr<const Matcher> matcher,
               IdRange range, bool quorum);
    Matches step(const StepLimits& limits) override;

private:
    AllDocsScan scan_;
    std::shared_ptr<const Matcher> matcher_;
    const bool quorum_;
    Examined examined_;
};

/// Matching documents among those of some ids, in the order given.
class LookupSource final : public MatchSource {
public:
    LookupSource(std::shared_ptr<const ReadView> view, std::shared_ptr<const Matcher> matcher,
                 std::vector<std::string> ids, bool quorum);
    Matches step(const StepLimits& limits) override;

private:
    std::shared_ptr<const ReadView> view_;
    std::shared_ptr<const Matcher> matcher_;
    const std::vector<std::string> ids_;
    const bool quorum_;
    std::size_t at_ = 0;
    Examined examined_;
};

/// The only ids that a selector leaves, sorted, each once: of equality or `$in` on `_id`. Empty
/// where it leaves others.
std::optional<std::vector<std::string>> wanted_ids(const Selector& selector);

/// The documents that `ranges` of `_id` leave; nothing where no document can be in them.
std::optional<IdRange> id_range(const std::vector<FieldRange>& ranges, const FindOptions& options);

/// Cuts a range into pieces of about so many documents, in order, so that they can be walked at the
/// same time. One that is not longer stays whole.
std::deque<IdRange> cut(const ReadView& view, const IdRange& range, std::uint64_t documents);

}  // namespace divan::storage::mango
