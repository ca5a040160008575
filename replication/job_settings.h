#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "replication/peer.h"
#include "replication/progress.h"

namespace divan::replication {

/// What one replication does, beside its two ends.
struct JobSettings {
    /// The `_local` document of its checkpoints, without "_local/" and without "+continuous".
    std::string checkpoint_id;
    /// Names that earlier versions of replication ids would have given it, the newest first.
    /// Checkpoints found there are moved to `checkpoint_id`.
    std::vector<std::string> older_checkpoint_ids;

    /// `continuous`, filters, `doc_ids`, `winning_revisions_only`. Its `since` is not used: see
    /// `since_sequence`.
    ChangesQuery changes;
    bool create_target = false;
    std::vector<std::pair<std::string, std::string>> create_target_parameters;
    /// `since_seq`, JSON text: where to begin, whatever checkpoints say.
    std::optional<std::string> since_sequence;
    /// Set where a run of the same job came before: then its checkpoint counts, if there is one.
    bool goes_on = false;
    bool use_checkpoints = true;
    std::chrono::milliseconds checkpoint_interval{30000};
    std::size_t worker_processes = 4;     ///< Batches that are copied at once.
    std::size_t worker_batch_size = 500;  ///< Changes in a batch, at most.
    std::size_t document_id_bytes_max = 0;  ///< Longer ones are skipped and counted; 0: any.
    std::chrono::milliseconds missing_document_retry{2000};
    /// How long what is in flight may take to end after `Job::stop`.
    std::chrono::milliseconds stop_grace{5000};

    /// Where it is set: called when both ends are open and their checkpoints known, on the loop.
    std::function<void()> opened = {};

    /// When the replication was asked for, in seconds since 1970: `start_time` of histories.
    std::int64_t start_time = 0;
    /// Counts of runs before this one that no checkpoint may know of.
    ReplicationCounts counted_before;
};

}  // namespace divan::replication
