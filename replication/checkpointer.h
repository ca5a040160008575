#pragma once

#include <string>
#include <vector>

#include "replication/checkpoint.h"
#include "replication/job_settings.h"
#include "replication/peer.h"
#include "storage/base/async/task.h"
#include "storage/base/clock.h"

namespace divan::replication {

/// Finds where a job goes on, and writes its checkpoints on both ends. What it is made from
/// outlives it.
class Checkpointer {
public:
    Checkpointer(Peer& source, Peer& target, const JobSettings& settings, const Clock& clock);

    /// Reads the checkpoints of both ends, those of older replication ids too, which it moves to
    /// the new id. `source` and `target` are the ends as they were found.
    Task<void> load(PeerInfo source, PeerInfo target);
    /// The sequence to begin after: `since_seq` where a job begins with one, else that
    /// of the checkpoint, else 0.
    const std::string& since() const { return since_; }
    const std::string& committed() const { return committed_; }
    /// What earlier sessions counted.
    ReplicationCounts counted() const;

    /// Records on both ends that everything up to `sequence` is on the target: makes both durable
    /// before. One at a time. Throws `checkpoint_commit_failure` where an end is not the one that
    /// it was, or somebody else writes the same checkpoint.
    Task<void> save(std::string sequence, ReplicationCounts counts);

    /// The answer of `_replicate`. `changed`: the session dealt with changes. Of a continuous
    /// replication, which nobody waits for, without the history.
    std::string answer(bool changed) const;

private:
    Task<ReplicationLog> find_log(Peer& peer);
    void forget_logs();
    Task<void> check_instances();
    Task<void> put(Peer& peer, ReplicationLog& log, std::string members, std::string_view end);
    Task<std::string> settle_conflict(Peer& peer, std::string members, std::string_view end);

    Peer& source_;
    Peer& target_;
    const JobSettings& settings_;
    const Clock& clock_;
    PeerInfo source_info_;
    PeerInfo target_info_;
    ReplicationLog source_log_;
    ReplicationLog target_log_;
    std::vector<HistoryEntry> history_;  ///< Of both ends, before this session.
    std::string since_ = "0";
    std::string committed_ = "0";
    const std::string session_id_;
    std::string written_;  ///< The members of the last checkpoint of this session.
};

}  // namespace divan::replication
