#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "replication/options.h"
#include "replication/progress.h"
#include "replication/replication_id.h"

namespace divan::replication {

/// A replication with its id: what the scheduler keeps.
struct JobRequest {
    Replication replication;
    ReplicationId id;
    std::vector<std::string> older_base_ids;
    std::int64_t start_time = 0;  ///< When it was asked for, in seconds since 1970.

    bool transient() const { return replication.database.empty(); }
};

/// How a run of a job ended.
struct RunEnd {
    enum class Kind : std::uint8_t {
        completed,
        stopped,  ///< By `JobRun::stop`.
        failed,
    };
    Kind kind = Kind::stopped;
    std::string answer = {};  ///< Of a completed one: what `_replicate` answers.
    std::string error = {};   ///< Of a failed one: CouchDB's name of it, as "db_not_found".
    std::string reason = {};
};

/// A job that runs now. Any thread.
class JobRun {
public:
    virtual ~JobRun() = default;
    /// It ends in order, soon: with a last checkpoint.
    virtual void stop() = 0;
    virtual JobProgress progress() const = 0;
};

/// Starts a run. `ended` is called once, never from within this call or `JobRun::stop`, on any
/// thread; nothing of the run is left then. `counted` are the counts of runs before.
using LaunchJob = std::function<std::shared_ptr<JobRun>(
    std::shared_ptr<const JobRequest> request, const ReplicationCounts& counted,
    std::function<void(RunEnd)> ended)>;

}  // namespace divan::replication
