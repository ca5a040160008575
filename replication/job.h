#pragma once

#include <memory>
#include <string>

#include "replication/job_settings.h"
#include "replication/peer.h"
#include "replication/progress.h"
#include "storage/base/async/task.h"
#include "storage/base/clock.h"
#include "storage/base/metrics.h"

namespace divan::replication {

/// One run of one replication: reads the changes of `source`, copies what `target` lacks, several
/// batches at once, and writes checkpoints on both ends. A checkpoint never passes a change that
/// is not durably on the target, or that the target refused for good (`doc_write_failures`).
///
/// Made, run and destroyed on one event loop's thread, the peers' own; `progress` is for any
/// thread. Nothing of it is left running when `run` has ended; do not destroy it before.
class Job {
public:
    /// `clock` and `metrics` outlive the job.
    Job(std::unique_ptr<Peer> source, std::unique_ptr<Peer> target, JobSettings settings,
        const Clock& clock, ReplicationMetrics& metrics);
    ~Job();
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    /// Call once. Returns the answer of `_replicate`, a JSON object: `{"ok":true,…}` with the
    /// history, or with `no_changes`; of a continuous one after `stop`, and without history. Throws
    /// `PeerFailure`: one of a peer, or of the kind `unreachable` with the error
    /// "checkpoint_commit_failure" where an end changed under it; in both cases a new job starts
    /// from the last checkpoint.
    Task<std::string> run();

    /// Ends `run` in order: what is in flight ends (or is cancelled after `stop_grace`), a last
    /// checkpoint is written. `run` then returns, or throws what went wrong on the way.
    void stop();
    /// Ends `run` at once with `PeerFailure::Kind::cancelled`, without a checkpoint.
    void cancel();

    JobProgress progress() const;

private:
    class Run;
    std::unique_ptr<Run> run_;
};

}  // namespace divan::replication
