#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "replication/document_jobs.h"
#include "replication/loop_run.h"
#include "replication/scheduler.h"
#include "storage/base/async/io_loop.h"
#include "storage/base/setting.h"

namespace divan::replication {

/// What a replicator is made of. All of it outlives it.
struct ReplicatorHost {
    storage::Catalog& catalog;
    ReadSetting setting;
    const Clock& clock;
    Metrics& metrics;
    WorkPool& pool;
    ServerNames names;
    std::string address;  ///< This server's, as names of databases here are shown: "http://h:p/".
    /// Called for each of its loops; what it gives is used and destroyed with that loop.
    std::function<MakePeer(IoLoop& loop)> peers;
};

/// The replicator of a server: loops of its own, on which jobs run, the scheduler, and the
/// documents that ask for replications. Any thread, but `start` and `stop`.
class Replicator {
public:
    explicit Replicator(ReplicatorHost host);
    ~Replicator();
    Replicator(const Replicator&) = delete;
    Replicator& operator=(const Replicator&) = delete;

    /// Replications of documents begin.
    void start();
    /// Ends all runs in order, with their last checkpoints, and waits for that. Whoever waits for a
    /// job is told that it was stopped. Once.
    void stop();

    /// Something happened to a database. Short.
    void note(const std::string& database) { documents_->note(database); }

    Rules rules() const;
    const std::string& address() const { return host_.address; }
    Scheduler& scheduler() { return *scheduler_; }
    const DocumentJobs& documents() const { return *documents_; }

    /// Gives a replication its id. Where a filter function belongs to it, its code is read at the
    /// source; else `done` is called at once. Errors: `not_found`, or the peer's.
    void identify(Replication replication, std::function<void(Result<JobRequest>)> done);

private:
    struct Loop;
    using Done = std::function<void(Result<JobRequest>)>;

    std::shared_ptr<JobRun> launch(std::shared_ptr<const JobRequest> request,
                                   const ReplicationCounts& counted,
                                   std::function<void(RunEnd)> ended);
    Loop& next_loop();
    void arm_tick();
    Task<void> look_up(Loop& loop, Replication replication, Done done);
    JobRequest make_request(Replication replication, std::string_view filter_code) const;

    const ReplicatorHost host_;
    std::vector<std::unique_ptr<Loop>> loops_;
    std::unique_ptr<Scheduler> scheduler_;
    std::unique_ptr<DocumentJobs> documents_;
    std::atomic<std::size_t> last_loop_{0};
    std::mutex mutex_;
    std::condition_variable wake_;
    std::size_t looking_up_ = 0;
    bool stopping_ = false;
};

}  // namespace divan::replication
