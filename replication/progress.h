#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace divan::replication {

/// Documents and revisions that a replication dealt with, over all its sessions: they go on from
/// what the last checkpoint says. CouchDB: couch_replicator_stats.
struct ReplicationCounts {
    std::uint64_t revisions_checked = 0;        ///< `missing_checked` in histories.
    std::uint64_t missing_revisions_found = 0;  ///< `missing_found` in histories.
    std::uint64_t docs_read = 0;
    std::uint64_t docs_written = 0;
    std::uint64_t doc_write_failures = 0;
    std::uint64_t bulk_get_docs = 0;
    std::uint64_t bulk_get_attempts = 0;

    /// The larger of each: couch_replicator_stats:max_stats/2.
    void raise_to(const ReplicationCounts& other);
    bool operator==(const ReplicationCounts&) const = default;
};

/// What `_active_tasks` and `_scheduler` show of a job. Sequences are JSON text.
struct JobProgress {
    ReplicationCounts counts;
    std::optional<std::uint64_t> changes_pending;  ///< Empty where the source does not say.
    std::string source_seq = "0";                  ///< The highest that is done.
    std::string through_seq = "0";                 ///< All changes up to it are done.
    std::string checkpointed_source_seq = "0";
    std::int64_t started_on = 0;  ///< Seconds since 1970; 0 until it runs.
    std::int64_t updated_on = 0;
};

/// One job writes, any thread reads.
class ProgressBoard {
public:
    JobProgress read() const;
    template <class F>
    void change(F&& f) {
        const std::lock_guard lock(mutex_);
        f(progress_);
    }

private:
    mutable std::mutex mutex_;
    JobProgress progress_;
};

}  // namespace divan::replication
