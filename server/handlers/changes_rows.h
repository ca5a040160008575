#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/handlers/changes_feed.h"
#include "server/handlers/changes_filter.h"
#include "server/handlers/changes_query.h"
#include "server/handlers/changes_stream.h"
#include "storage/database/document_text.h"
#include "storage/database/read_view.h"

namespace divan::server {

/// The rows of one `_changes` feed. Between two walks over the changes it keeps where it stands and
/// nothing else.
class ChangesRows final : public FeedRows {
public:
    ChangesRows(std::shared_ptr<storage::Database> database, ChangesQuery query,
                ChangesFilter filter, Sequence start);

    Filled fill(std::string& out, FeedFrame& frame) override;
    void close(std::string& out, const FeedFrame& frame) override;
    bool gone() const override { return database_->doomed(); }
    bool scripted() const override { return filter_.kind == ChangesFilter::Kind::function; }

private:
    using Leaf = storage::Change::Leaf;

    bool load();
    void release();
    Filled exhausted(const FeedFrame& frame);
    bool ends_at_limit(const FeedFrame& frame) const;
    Filled limit_reached(const FeedFrame& frame);
    /// Leaves in `passed_` the revisions of the next change that the filter lets through.
    void judge();
    /// Asks the filter function about every leaf of the batch, at once.
    void ask_function();
    bool selected(const storage::Change& change, const Leaf& leaf,
                  const storage::StoredBody* body);
    void append_row(std::string& out, FeedFrame& frame);
    void append_doc(std::string& out, const storage::Change& change,
                    const storage::StoredBody* body);
    void append_text(std::string& out, const storage::Change& change,
                     const storage::StoredBody& body,
                     const storage::DocumentOptions& options) const;
    bool with_bodies() const {
        return query_.include_docs || filter_.kind == ChangesFilter::Kind::selector ||
               filter_.kind == ChangesFilter::Kind::function;
    }

    std::shared_ptr<storage::Database> database_;
    const ChangesQuery query_;
    const ChangesFilter filter_;
    const std::string sequence_token_;  ///< What follows the number in a sequence's text.
    storage::DocumentOptions shown_;    ///< Of documents that are answered.
    storage::DocumentOptions judged_;   ///< Of documents that the filter sees.

    Sequence at_;
    std::uint64_t left_;
    std::uint64_t pending_ = 0;

    // One walk.
    std::shared_ptr<const storage::ReadView> view_;
    std::unique_ptr<ChangesStream> stream_;
    std::vector<storage::Change> batch_;
    std::vector<std::optional<storage::StoredBody>> bodies_;  ///< Of the batch's winners.
    std::vector<bool> verdicts_;  ///< Of a filter function: for the leaves of the batch.
    std::size_t verdict_ = 0;     ///< The next change's first.
    std::size_t batch_size_ = 0;
    std::size_t batch_max_;
    std::size_t next_ = 0;
    std::vector<const Leaf*> passed_;
    std::string scratch_;
    std::string sequence_text_;
};

}  // namespace divan::server
