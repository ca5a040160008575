#pragma once

#include <memory>

#include "server/handlers/changes/changes_filter.h"
#include "storage/database/changes.h"

namespace divan::server {

/// The changes that a filter may let through, in the order of the feed.
class ChangesStream {
public:
    virtual ~ChangesStream() = default;
    /// Null at the end. Good until the next call.
    virtual const storage::Change* next() = 0;
    /// What is pending for a feed that stands at `at`.
    virtual std::uint64_t pending(Sequence at) const = 0;
    /// Where a feed stands that came to the end, `at` being its last change; and what is pending
    /// then.
    virtual Sequence end(Sequence at) const = 0;
    virtual std::uint64_t pending_at_end() const = 0;
};

/// Changes after `since`, or with `descending` all of them. For `_doc_ids` and `_design` the
/// documents are looked up, whatever the length of the feed. As in CouchDB, an id that was given
/// twice is told twice where it is looked up, but not when a feed goes on (`again`).
std::unique_ptr<ChangesStream> open_changes(std::shared_ptr<const storage::ReadView> view,
                                            const ChangesFilter& filter, Sequence since,
                                            bool descending, bool again);

}  // namespace divan::server
