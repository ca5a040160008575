#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "replication/document_state.h"
#include "replication/scheduler.h"
#include "replication/state_writer.h"
#include "storage/base/async/event_loop.h"
#include "storage/base/ids.h"

namespace divan::replication {

/// What `DocumentJobs` needs besides the scheduler. All of it outlives it.
struct DocumentJobsHost {
    storage::Catalog& catalog;
    const Clock& clock;
    Metrics& metrics;
    WorkPool& pool;  ///< Where states are written back.
    std::function<Rules()> rules;
    std::function<bool()> update_docs;  ///< `[replicator] update_docs`
    /// Gives a replication its id, which may need a look at its source; any thread may answer.
    std::function<void(Replication, std::function<void(Result<JobRequest>)>)> identify;
};

/// Replications that documents ask for: in `_replicator`, and in every database whose name ends in
/// "/_replicator", whenever it is made. Follows these databases on a thread of its own: a document
/// that comes or changes becomes a job, one that goes takes its job away. A document whose job has
/// completed, or which is no replication, is told so in its state; everything else about a job is
/// known to the scheduler alone, unless `update_docs`.
///
/// CouchDB: couch_replicator_doc_processor.
class DocumentJobs {
public:
    DocumentJobs(DocumentJobsHost host, Scheduler& scheduler);
    /// Ends the thread. Jobs are the scheduler's.
    ~DocumentJobs();
    DocumentJobs(const DocumentJobs&) = delete;
    DocumentJobs& operator=(const DocumentJobs&) = delete;

    /// Begins with all databases that are there.
    void start();
    /// Ends the thread; nothing is written any more. Once.
    void stop();

    /// Something happened to a database. Any thread; short.
    void note(const std::string& database);

    /// A run of a document's job has both its ends open. Any thread; short.
    void job_opened(const JobRequest& request);

    /// A row of `_scheduler/docs`: of `body`, the document as it is stored now, where its state is
    /// a last one, else of the job that is made of it. Empty where there is neither.
    struct Shown {
        std::string state;
        std::string json;
    };
    std::optional<Shown> show(std::string_view database, std::string_view id,
                              const JsonValue& body, std::string_view node) const;

private:
    using Time = std::chrono::steady_clock::time_point;
    using Key = StateWriter::Key;
    struct Row {
        std::shared_ptr<const Replication> replication;
        enum class State : std::uint8_t { initializing, error, scheduled };
        State state = State::initializing;
        std::string job;  ///< Its id; empty as long as there is none.
        std::string info;
        std::size_t errors = 0;
        std::int64_t start_time = 0;
        std::int64_t last_updated = 0;
        std::uint64_t attempt = 0;      ///< The look-up of its id that is on; 0: none.
        std::optional<Time> next_look;  ///< When its id is looked up again.
    };
    struct Followed {
        std::string uuid;  ///< Of the incarnation.
        Sequence done;
    };

    void run();
    void scan();
    void catch_up(const std::string& database);
    void change(const std::string& database, const std::string& id, const JsonValue& body);
    void update(const Key& key, Replication replication);
    void remove(const Key& key);
    void remove_database(const std::string& database);
    void look_up(const Key& key);
    void looked_up(const Key& key, std::uint64_t attempt, Result<JobRequest> found);
    void scheduled(const Key& key, Row& row, const std::string& job);
    void set_back(const Key& key, Row& row, std::string reason);
    std::optional<std::string> taken_by(const Key& key, const JobRequest& request,
                                        bool& for_good) const;
    void job_ended(const JobInfo& job, const RunEnd& end);
    bool is_job_of(const Key& key, const JobRequest& request) const;
    std::chrono::seconds random_up_to(std::chrono::seconds most);

    const DocumentJobsHost host_;
    Scheduler& scheduler_;
    std::map<std::string, Followed> followed_;  ///< The thread's own.

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::map<Key, Row> rows_;
    std::set<std::string> dirty_;
    std::uint64_t last_attempt_ = 0;
    bool replan_ = false;  ///< A look-up may be due earlier than the thread knows.
    bool stopping_ = false;
    StateWriter states_;
    std::thread thread_;
};

}  // namespace divan::replication
