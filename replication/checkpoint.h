#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replication/progress.h"

/// Checkpoints as CouchDB keeps them in `_local` documents of both ends, so that what one
/// replicator began another resumes. Sequences are opaque JSON text.
namespace divan::replication {

/// One session in a checkpoint's `history`.
struct HistoryEntry {
    std::string session_id;
    std::string recorded_sequence;
    ReplicationCounts counts;
    std::string json;
};

/// One end's checkpoint document.
struct ReplicationLog {
    std::string revision;  ///< Its `_rev`; empty where there is no document yet.
    std::string session_id;
    std::string source_last_sequence = "0";
    std::vector<HistoryEntry> history;  ///< The newest first.
    std::string members;  ///< Its members without `_id` and `_rev`, as JSON without braces.
};

/// Whatever is no checkpoint in `json` counts as not being there: it comes from a peer.
ReplicationLog parse_log(std::string_view json);

/// Where a replication goes on: couch_replicator_scheduler_job:compare_replication_logs/2. Both
/// ends must know the session; what only one of them knows may be lost on the other.
struct CommonAncestry {
    std::string since = "0";
    std::vector<HistoryEntry> history;
};
CommonAncestry compare_logs(const ReplicationLog& source, const ReplicationLog& target);

/// What a new checkpoint says.
struct Session {
    std::string id;
    std::int64_t start_time = 0;  ///< Seconds since 1970, as `end_time`.
    std::int64_t end_time = 0;
    std::string start_sequence;
    std::string end_sequence;
    ReplicationCounts counts;
    bool of_doc_ids = false;  ///< Then counts stand beside the history too, as since CouchDB 0.11.
};

/// The document's members, as JSON without braces. Of `earlier` the newest 49 stay.
std::string write_log(const Session& session, const std::vector<HistoryEntry>& earlier);

}  // namespace divan::replication
