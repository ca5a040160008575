#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/handlers/changes/changes_filter.h"
#include "server/handlers/changes/changes_stream.h"
#include "storage/database/document_text.h"
#include "storage/database/read_view.h"

namespace divan::server {

/// Walks a database's changes and says which revisions of each a filter lets through. One thread at
/// a time; blocks on the engine, and on JavaScript where `scripted`.
class ChangesPicker {
public:
    using Leaf = storage::Change::Leaf;
    struct Wish {
        bool descending = false;
        bool all_leaves = false;  ///< `style=all_docs`
        bool conflicts = false;   ///< The filter sees `_conflicts`.
        bool bodies = false;      ///< The winners' bodies are asked for.
    };

    ChangesPicker(std::shared_ptr<storage::Database> database, ChangesFilter filter, Wish wish);

    /// Begins a walk over the changes after `since`, as of now. Nothing where one is under way.
    void open(Sequence since);
    /// Goes to the next change; false at the end. It reads ahead about `wanted` changes at most.
    bool next(std::uint64_t wanted);
    /// Ends the walk: what is held then is little.
    void release();

    /// Good until `next`.
    const storage::Change& change() const { return batch_[next_]; }
    /// The winner's; null where bodies were not read, or there is none.
    const storage::StoredBody* body() const;
    /// What the filter lets through of the change: possibly nothing.
    const std::vector<const Leaf*>& passed() const { return passed_; }
    const ChangesStream& stream() const { return *stream_; }

    const ChangesFilter& filter() const { return filter_; }
    storage::Database& database() const { return *database_; }
    bool scripted() const { return filter_.kind == ChangesFilter::Kind::function; }
    /// Appends the winner.
    void append_text(std::string& out, const storage::Change& change,
                     const storage::StoredBody& body,
                     const storage::DocumentOptions& options) const;

private:
    bool load(std::uint64_t wanted);
    /// Leaves in `passed_` the revisions of the change that the filter lets through.
    void judge();
    /// Asks the filter function about every leaf of the batch, at once.
    void ask_function();
    bool selected(const storage::Change& change, const Leaf& leaf,
                  const storage::StoredBody* body);

    const std::shared_ptr<storage::Database> database_;
    const ChangesFilter filter_;
    const Wish wish_;
    const bool with_bodies_;
    storage::DocumentOptions judged_;  ///< Of documents that the filter sees.

    bool walked_ = false;

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
    bool on_change_ = false;  ///< `batch_[next_]` was gone to.
    std::vector<const Leaf*> passed_;
    std::string scratch_;
};

}  // namespace divan::server
