#pragma once

#include <memory>

#include "storage/database/read_view.h"

namespace divan::storage {

/// Walks a database's changes as of a view, each document at its last one. One thread at a time.
class ChangesScan {
public:
    /// Changes after `since`, oldest first; or all of them, newest first.
    ChangesScan(std::shared_ptr<const ReadView> view, Sequence since, bool descending = false);

    /// Null at the end. The change is good until the next call.
    const Change* next();

private:
    std::shared_ptr<const ReadView> view_;
    std::unique_ptr<Cursor> cursor_;
    Change change_;
    bool descending_;
    bool started_ = false;
    Bytes first_;
};

/// How many changes the feed has after `since`, in the view. Exact, in O(log n).
std::uint64_t count_changes(const ReadView& view, Sequence since);

}  // namespace divan::storage
