#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <variant>
#include <vector>

#include "storage/database/edit.h"

namespace divan::storage {

class Database;

/// What became of one edit: the new revision, or the refusal (`conflict`, …).
using EditOutcome = Result<Revision>;
/// One request's edits: an outcome each in their order, or one refusal for all (`missing_stub`),
/// and then nothing of the request was written.
using EditOutcomes = Result<std::vector<EditOutcome>>;

struct PurgeRow {
    std::string id;
    std::vector<Revision> revisions;
};
/// The revisions of each row that were leaves and are gone, and the purge sequence after it.
struct Purged {
    std::vector<std::vector<Revision>> rows;
    std::uint64_t purge_sequence = 0;
};

/// The one way by which a database changes. Requests wait in a queue; whoever is told to drains it,
/// committing all that waits in one synced batch, so that edits of a database are serial and its
/// sequences have no gaps. Everything acknowledged is on disk.
///
/// Any thread. `done` callbacks run on the draining thread, after the commit; they must not throw
/// or block.
class Writer {
public:
    explicit Writer(Database& database) : database_(database) {}

    /// Queues edits. Returns true where the caller must now see to it that `drain()` is called.
    [[nodiscard]] bool submit(std::vector<Edit> edits, std::function<void(EditOutcomes)> done);
    [[nodiscard]] bool submit_purge(std::vector<PurgeRow> rows,
                                    std::function<void(Result<Purged>)> done);
    /// Drops the bodies of inner revisions of these documents, and attachments that nothing names.
    [[nodiscard]] bool submit_compaction(std::vector<std::string> ids,
                                         std::function<void(Result<void>)> done);
    /// Blocks on the disk. Returns when the queue is empty.
    void drain();

    /// The blocking forms of the above, for tools, tests and work already on a pool.
    EditOutcomes write(std::vector<Edit> edits);
    Result<Purged> purge(std::vector<PurgeRow> rows);
    Result<void> compact(std::vector<std::string> ids);

private:
    struct EditJob {
        std::vector<Edit> edits;
        std::function<void(EditOutcomes)> done;
    };
    struct PurgeJob {
        std::vector<PurgeRow> rows;
        std::function<void(Result<Purged>)> done;
    };
    struct CompactJob {
        std::vector<std::string> ids;
        std::function<void(Result<void>)> done;
    };
    using Job = std::variant<EditJob, PurgeJob, CompactJob>;

    bool enqueue(Job job);
    std::vector<Job> take();
    void commit(std::vector<Job> jobs);
    /// Returns whether feeds have something new. `answers` tell the jobs, after the lock.
    bool commit_locked(std::vector<Job>& jobs, std::vector<std::function<void()>>& answers);

    Database& database_;
    std::mutex mutex_;
    std::deque<Job> queue_;
    bool draining_ = false;
};

}  // namespace divan::storage
