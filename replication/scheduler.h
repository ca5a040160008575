#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "replication/fair_share.h"
#include "replication/job_history.h"
#include "replication/job_run.h"
#include "storage/base/clock.h"
#include "storage/base/metrics.h"

namespace divan::replication {

/// `[replicator]`, as it is now.
struct SchedulerSettings {
    std::size_t jobs_max = 10'000;  ///< `max_jobs`: at once; CouchDB's default is 500.
    std::size_t churn_max = 20;     ///< `max_churn`
    std::size_t history_max = 20;   ///< `max_history`
    std::chrono::milliseconds interval{60'000};       ///< `interval`
    std::chrono::seconds healthy_after{120};          ///< `health_threshold`
    std::chrono::milliseconds startup_jitter{5'000};  ///< `startup_jitter`
    FairShareSettings share = {};
};

/// A job as it is shown.
struct JobInfo {
    std::shared_ptr<const JobRequest> request;
    JobHistory history;
    bool running = false;
    std::size_t run_number = 0;           ///< Of the run that is on.
    std::optional<JobProgress> progress;  ///< Of this run or the last; empty before the first.
    std::size_t crashes = 0;              ///< In a row.

    /// "running", "crashing" or "pending".
    std::string_view state() const;
};

/// Which jobs run, and when. A job that waits for changes costs next to nothing, so all of them
/// run as long as there are not more than `jobs_max`; beyond that they take turns by `FairShare`,
/// at most `churn_max` each `interval`, as in couch_replicator_scheduler. A crashed job of a
/// document rests (`crash_backoff`, and up to a tenth more, so that many do not come back at once);
/// a crashed transient one is gone.
///
/// Any thread. What is called back is called without a lock, on whatever thread something ended.
class Scheduler {
public:
    using Waiter = std::function<void(const RunEnd&)>;

    /// `clock` and `metrics` outlive it.
    Scheduler(LaunchJob launch, std::function<SchedulerSettings()> settings, const Clock& clock,
              Metrics& metrics);
    /// After `stop_all`.
    ~Scheduler() = default;

    /// Tells of jobs of documents that ended a run. Set before the first job.
    using Listener = std::function<void(const JobInfo&, const RunEnd&)>;
    void on_document_job_end(Listener listener) { listener_ = std::move(listener); }

    /// A job of the same id is replaced where anything of it differs, else it goes on. `waiter`,
    /// where there is one, hears the end of the run.
    void add(JobRequest request, Waiter waiter = {});
    /// False where there is none. `gone` is called when nothing of it runs any more.
    bool remove(std::string_view id, std::function<void()> gone = {});

    /// Null where there is none.
    std::shared_ptr<const JobRequest> find(std::string_view id) const;
    std::optional<JobInfo> job(std::string_view id) const;
    /// In the order of their ids.
    std::vector<JobInfo> jobs() const;

    /// Starts what is due, and lets jobs take turns. Call it about every second.
    void tick();
    /// Ends all runs in order and forgets all jobs; none can be added any more. `done` is called
    /// when nothing runs any more.
    void stop_all(std::function<void()> done);

private:
    using Time = std::chrono::steady_clock::time_point;
    struct Job {
        std::shared_ptr<const JobRequest> request;
        JobHistory history;
        std::shared_ptr<JobRun> run;
        std::size_t run_number = 0;
        std::optional<JobProgress> progress;
        Time due;
        Time started;  ///< The run that is on or was the last.
        bool resting = false;  ///< It was told to stop, to let others run.
        std::vector<Waiter> waiters;
    };
    using Jobs = std::map<std::string, Job, std::less<>>;
    /// What is still running of jobs that are gone.
    struct Ending {
        std::shared_ptr<JobRun> run;
        std::string id;
        std::vector<std::function<void()>> gone;
    };
    using Calls = std::vector<std::function<void()>>;

    void start(Job& job);
    void start_due();
    std::vector<Job*> due_first(std::size_t most);
    bool runs_still(std::string_view id) const;
    void wait_until(Job& job, Time due);
    void retire(Jobs::iterator job, Calls& calls);
    void on_end(std::size_t run_number, RunEnd end);
    void end_run(Jobs::iterator job, const RunEnd& end, Calls& calls);
    void charge(const std::string& id, const Job& job);
    void end_interval();
    void take_turns(const SchedulerSettings& settings);
    void note(Job& job, JobEvent::Type type, std::string reason = {});
    Time jittered_start();
    JobInfo info(const Job& job) const;
    void count();

    const LaunchJob launch_;
    const std::function<SchedulerSettings()> read_settings_;
    const Clock& clock_;
    ReplicationMetrics& metrics_;
    Listener listener_;

    mutable std::mutex mutex_;
    SchedulerSettings settings_;
    Jobs jobs_;
    FairShare share_;
    std::map<std::size_t, std::string> running_;        ///< By the runs' numbers.
    std::map<std::size_t, Ending> ending_;
    std::set<std::pair<Time, std::string>> pending_;    ///< By when they are due.
    std::size_t crashed_ = 0;
    std::size_t last_run_ = 0;
    Time turns_taken_;
    Time second_;             ///< Since when `started_in_second_` counts.
    std::size_t started_in_second_ = 0;
    bool stopping_ = false;
    std::function<void()> all_stopped_;
};

}  // namespace divan::replication
