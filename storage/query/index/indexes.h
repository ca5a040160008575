#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/base/error.h"
#include "storage/database/read_view.h"
#include "storage/query/index/index_updater.h"

namespace divan::storage {

/// Runs work on some thread where it may block, soon: a pool.
using Executor = std::function<void(std::function<void()>)>;

/// An index at one moment, together with its database at the same moment. Any thread.
struct IndexReading {
    std::shared_ptr<const ReadView> view;
    std::shared_ptr<const IndexDefinition> definition;
    IndexHead head;  ///< `sequence` 0 and no rows where nothing was built yet.

    /// One thread at a time; this must outlive it.
    IndexTree tree(std::size_t index) const;
};

/// What `_active_tasks` shows of an update under way.
struct IndexTask {
    std::string database;
    std::string design;
    std::uint64_t changes_done = 0;
    std::uint64_t changes_total = 0;
    std::int64_t started_seconds = 0;  ///< Unix time.
    std::int64_t updated_seconds = 0;
};

/// One index of one database, shared by all who query it. It is brought up to date when somebody
/// asks, by one update at a time, in slices that let other indexes have their turn. Any thread.
class Index : public std::enable_shared_from_this<Index> {
public:
    Index(std::shared_ptr<Database> database, std::shared_ptr<const IndexDefinition> definition,
          const Executor& executor, const std::atomic<bool>& stopping);

    const IndexDefinition& definition() const { return *definition_; }

    /// Calls `done` when the index has everything up to `sequence`, or with the reason why it
    /// cannot: at once, or later on another thread, where it must be short.
    using Done = std::function<void(Result<void>)>;
    void when_at(Sequence sequence, Done done);
    /// Has what the database has now brought in, without waiting.
    void update();

    /// What is there now. Blocks on the disk, briefly.
    std::shared_ptr<const IndexReading> read() const;

    bool updating() const { return updating_.load(); }
    std::size_t waiting() const;
    std::optional<IndexTask> task() const;

private:
    friend class Indexes;
    struct Waiter {
        Sequence sequence;
        Done done;
    };
    void start();
    void step();
    void run_slice();
    void show_progress();
    bool finish_slice(const Result<void>& outcome);
    /// False where an update is under way.
    bool erase();
    void cancel();

    const std::shared_ptr<Database> database_;
    const std::shared_ptr<const IndexDefinition> definition_;
    const Executor& executor_;
    const std::atomic<bool>& stopping_;
    mutable std::mutex mutex_;
    std::vector<Waiter> waiters_;
    Sequence wanted_;  ///< Where an update ends that nobody waits for.
    std::atomic<bool> updating_{false};
    std::unique_ptr<IndexUpdater> updater_;  ///< Of the update under way, which alone uses it.
    IndexTask task_;
};

/// The indexes that are in use: an idle one holds nothing but its data, which goes with its
/// database. Any thread. Outlives every index.
class Indexes {
public:
    /// `executor` must not be one that queries wait on: an update may keep its thread for seconds.
    explicit Indexes(Executor executor) : executor_(std::move(executor)) {}

    /// The index of this definition; made where there is none. Does not build anything yet.
    std::shared_ptr<Index> open(const std::shared_ptr<Database>& database,
                                std::shared_ptr<const IndexDefinition> definition);
    /// Takes away all of a kind that are not in `used` (names) from the disk.
    void clean_up(Database& database, IndexDefinition::Kind kind,
                  const std::set<std::string>& used);
    /// Updates under way.
    std::vector<IndexTask> tasks() const;
    /// Ends updates at their next batch, and refuses new ones; who waits is told.
    void stop();

private:
    std::vector<std::shared_ptr<Index>> in_use() const;

    using Key = std::pair<DatabaseId, std::string>;
    const Executor executor_;
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    std::map<Key, std::weak_ptr<Index>> open_;  // Queries and updates keep them.
};

}  // namespace divan::storage
