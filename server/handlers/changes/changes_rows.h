#pragma once

#include <memory>
#include <string>

#include "server/handlers/changes/changes_feed.h"
#include "server/handlers/changes/changes_picker.h"
#include "server/handlers/changes/changes_query.h"

namespace divan::server {

/// The rows of one `_changes` feed. Between two walks over the changes it keeps where it stands and
/// nothing else.
class ChangesRows final : public FeedRows {
public:
    ChangesRows(std::shared_ptr<storage::Database> database, ChangesQuery query,
                ChangesFilter filter, Sequence start);

    Filled fill(std::string& out, FeedFrame& frame) override;
    void close(std::string& out, const FeedFrame& frame) override;
    bool gone() const override { return picker_.database().doomed(); }
    bool scripted() const override { return picker_.scripted(); }

private:
    Filled exhausted(const FeedFrame& frame);
    bool ends_at_limit(const FeedFrame& frame) const;
    Filled limit_reached(const FeedFrame& frame);
    void append_row(std::string& out, FeedFrame& frame);
    void append_doc(std::string& out, const storage::Change& change,
                    const storage::StoredBody* body);

    const ChangesQuery query_;
    const std::string sequence_token_;  ///< What follows the number in a sequence's text.
    ChangesPicker picker_;
    storage::DocumentOptions shown_;  ///< Of documents that are answered.

    Sequence at_;
    std::uint64_t left_;
    std::uint64_t pending_ = 0;
    std::string scratch_;
    std::string sequence_text_;
};

}  // namespace divan::server
