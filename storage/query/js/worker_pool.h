#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/query/js/functions.h"
#include "storage/query/js/worker_process.h"
#include "storage/query/js/worker_settings.h"

namespace divan::storage::js {

/// The processes that run JavaScript: started when needed, kept for the next request, replaced when
/// they fail. Any thread. Outlives every `Functions` it gave.
class WorkerPool final : public Runtime {
public:
    /// `program` is divan-js.
    WorkerPool(std::filesystem::path program, std::function<WorkerSettings()> settings);
    ~WorkerPool() override;

    std::shared_ptr<Functions> functions(Design design) override;
    Result<void> check_views(std::string_view database, BytesView body) override;
    /// Ends the idle processes, and the others after the call that each is at. Blocks until the
    /// idle ones are gone. couch_proc_manager:reload/0.
    void renew() override;

    /// Ends all processes. What waits for one, and whatever comes later, fails.
    void stop();

    /// Processes that run, idle ones too.
    std::size_t processes() const;

    class Lease;
    /// A process that has `design` open under `context`, for as long as the lease lives. Throws
    /// `WorkerFailed` where none is to be had in time, `Refused` where the document is none.
    Lease lease(const Design& design, BytesView context);

    WorkerSettings settings() const { return settings_(); }

private:
    struct Worker;

    std::unique_ptr<Worker> take(BytesView context, const WorkerSettings& settings);
    std::unique_ptr<Worker> start(const WorkerSettings& settings, std::uint64_t generation);
    void give_back(std::unique_ptr<Worker> worker, bool usable);
    void let_go_of_idle();

    const std::filesystem::path program_;
    const std::function<WorkerSettings()> settings_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::list<std::unique_ptr<Worker>> idle_;  ///< The one used last comes first.
    std::vector<const Worker*> busy_;
    std::size_t count_ = 0;         ///< Idle, busy and starting.
    std::uint64_t generation_ = 0;  ///< Grows with `renew`; older processes are not used again.
    bool stopped_ = false;
    std::thread idle_thread_;  ///< Runs from the first process on.
};

/// A process for one call, or for one list. One thread at a time.
class WorkerPool::Lease {
public:
    Lease(WorkerPool& pool, std::unique_ptr<Worker> worker, std::chrono::milliseconds limit,
          std::string name);
    ~Lease();
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;

    /// Sends it, and gives the fields of the answer (`done`, or `part` of a list) to `read`, which
    /// must take them all. Throws `Refused` with what the function threw, and `WorkerFailed`.
    void ask(FrameWriter& request, const std::function<void(ByteReader& fields)>& read,
             Reply expected = Reply::done);
    void ask(FrameWriter& request) {
        ask(request, [](ByteReader&) {});
    }
    /// Ends the process instead of keeping it: it is in the middle of something.
    void discard() { usable_ = false; }

private:
    friend class WorkerPool;
    void open(const Design& design, BytesView context);
    void read_answer(FrameWriter& request, const std::function<void(ByteReader& fields)>& read,
                     Reply expected);

    WorkerPool& pool_;
    std::unique_ptr<Worker> worker_;
    const std::chrono::milliseconds limit_;
    const std::string name_;
    bool usable_ = true;
};

}  // namespace divan::storage::js
