#include "storage/query/js/worker_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "storage/base/log.h"
#include "storage/query/js/check_views.h"
#include "storage/query/js/pooled_functions.h"
#include "storage/query/js/refusal.h"

namespace divan::storage::js {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t open_designs_max = 16;

}  // namespace

struct WorkerPool::Worker {
    WorkerProcess process;
    std::uint64_t generation;
    std::list<Bytes> open{};  ///< Contexts; the one used last comes first.
    steady_clock::time_point idle_since{};

    bool has(BytesView context) const {
        return std::find(open.begin(), open.end(), context) != open.end();
    }
};

WorkerPool::WorkerPool(std::filesystem::path program, std::function<WorkerSettings()> settings)
    : program_(std::move(program)), settings_(std::move(settings)) {}

WorkerPool::~WorkerPool() {
    stop();
}

std::shared_ptr<Functions> WorkerPool::functions(Design design) {
    return std::make_shared<PooledFunctions>(*this, std::move(design));
}

Result<void> WorkerPool::check_views(std::string_view database, BytesView body) {
    return js::check_views(*this, database, body);
}

void WorkerPool::renew() {
    std::list<std::unique_ptr<Worker>> idle;
    {
        const std::lock_guard lock(mutex_);
        ++generation_;
        idle.swap(idle_);
    }
    const std::size_t ended = idle.size();
    idle.clear();  // Waits for the processes, so not under the lock.
    const std::lock_guard lock(mutex_);
    count_ -= ended;
    changed_.notify_all();
}

std::size_t WorkerPool::processes() const {
    const std::lock_guard lock(mutex_);
    return count_;
}

void WorkerPool::stop() {
    std::list<std::unique_ptr<Worker>> idle;
    {
        std::unique_lock lock(mutex_);
        stopped_ = true;
        idle.swap(idle_);
        count_ -= idle.size();
        for (const auto* worker : busy_) worker->process.hang_up();
        changed_.notify_all();
        changed_.wait(lock, [&] { return count_ == 0; });
    }
    if (idle_thread_.joinable()) idle_thread_.join();
}

WorkerPool::Lease WorkerPool::lease(const Design& design, BytesView context) {
    const auto settings = settings_();
    Lease lease(*this, take(context, settings), settings.time_limit,
                fmt::format("{}/{}", design.database, design.id));
    lease.open(design, context);
    return lease;
}

std::unique_ptr<WorkerPool::Worker> WorkerPool::take(BytesView context,
                                                     const WorkerSettings& settings) {
    std::unique_lock lock(mutex_);
    const auto deadline = steady_clock::now() + settings.time_limit;
    while (true) {
        const bool any = changed_.wait_until(lock, deadline, [&] {
            return stopped_ || !idle_.empty() || count_ < settings.processes_max;
        });
        if (stopped_) throw WorkerFailed("the server stops");
        if (!any) throw WorkerFailed("no JavaScript worker was free in time");
        if (idle_.empty()) break;
        auto best = std::find_if(idle_.begin(), idle_.end(),
                                 [&](const auto& worker) { return worker->has(context); });
        if (best == idle_.end()) best = idle_.begin();
        auto worker = std::move(*best);
        idle_.erase(best);
        if (!worker->process.ended()) {
            busy_.push_back(worker.get());
            return worker;
        }
        --count_;
    }
    ++count_;
    const auto generation = generation_;
    if (!idle_thread_.joinable()) idle_thread_ = std::thread([this] { let_go_of_idle(); });
    lock.unlock();
    return start(settings, generation);
}

std::unique_ptr<WorkerPool::Worker> WorkerPool::start(const WorkerSettings& settings,
                                                      std::uint64_t generation) {
    std::unique_ptr<Worker> worker;
    try {
        // Loading the engine may take long where the disk is busy.
        const auto limit =
            std::max<std::chrono::milliseconds>(settings.time_limit, std::chrono::seconds(30));
        worker.reset(new Worker{WorkerProcess(program_, settings.heap_bytes, limit), generation});
    } catch (const WorkerFailed& failed) {
        log(LogLevel::error, fmt::format("no JavaScript worker: {}", failed.what()));
        const std::lock_guard lock(mutex_);
        --count_;
        changed_.notify_all();
        throw;
    }
    const std::lock_guard lock(mutex_);
    busy_.push_back(worker.get());
    if (stopped_) worker->process.hang_up();
    return worker;
}

void WorkerPool::give_back(std::unique_ptr<Worker> worker, bool usable) {
    {
        const std::lock_guard lock(mutex_);
        busy_.erase(std::find(busy_.begin(), busy_.end(), worker.get()));
        if (usable && !stopped_ && worker->generation == generation_) {
            worker->idle_since = steady_clock::now();
            idle_.push_front(std::move(worker));
            changed_.notify_all();
            return;
        }
    }
    worker.reset();  // Waits for the process, so not under the lock.
    const std::lock_guard lock(mutex_);
    --count_;
    changed_.notify_all();
}

void WorkerPool::let_go_of_idle() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
        lock.unlock();
        const auto limit = settings_().idle_limit;
        lock.lock();
        const auto pause = std::clamp<std::chrono::seconds>(limit / 2, std::chrono::seconds(1),
                                                            std::chrono::seconds(30));
        changed_.wait_for(lock, pause, [&] { return stopped_; });
        std::list<std::unique_ptr<Worker>> old;
        const auto before = steady_clock::now() - limit;
        while (!stopped_ && !idle_.empty() && idle_.back()->idle_since < before) {
            old.splice(old.begin(), idle_, std::prev(idle_.end()));
        }
        lock.unlock();
        const std::size_t ended = old.size();
        old.clear();
        lock.lock();
        count_ -= ended;
        if (ended > 0) changed_.notify_all();
    }
}

WorkerPool::Lease::Lease(WorkerPool& pool, std::unique_ptr<Worker> worker,
                         std::chrono::milliseconds limit, std::string name)
    : pool_(pool), worker_(std::move(worker)), limit_(limit), name_(std::move(name)) {}

WorkerPool::Lease::Lease(Lease&& other) noexcept
    : pool_(other.pool_),
      worker_(std::move(other.worker_)),
      limit_(other.limit_),
      name_(other.name_),
      usable_(other.usable_) {}

WorkerPool::Lease::~Lease() {
    if (worker_) pool_.give_back(std::move(worker_), usable_);
}

void WorkerPool::Lease::open(const Design& design, BytesView context) {
    auto& open = worker_->open;
    if (const auto found = std::find(open.begin(), open.end(), context); found != open.end()) {
        open.splice(open.begin(), open, found);
        return;
    }
    if (open.size() >= open_designs_max) {
        FrameWriter request(Request::close);
        request.fields().raw(open.back());
        ask(request);
        open.pop_back();
    }
    FrameWriter request(Request::open);
    request.fields().raw(context);
    request.fields().sized(design.body);
    ask(request);
    open.emplace_front(context);
}

void WorkerPool::Lease::ask(FrameWriter& request,
                            const std::function<void(ByteReader& fields)>& read, Reply expected) {
    try {
        try {
            read_answer(request, read, expected);
        } catch (const CorruptBytes&) {
            throw WorkerFailed(BadFrame().what());
        }
    } catch (const WorkerFailed& failed) {
        usable_ = false;
        log(LogLevel::error, fmt::format("JavaScript of {}: {}", name_, failed.what()));
        throw;
    }
}

void WorkerPool::Lease::read_answer(FrameWriter& request,
                                    const std::function<void(ByteReader& fields)>& read,
                                    Reply expected) {
    const auto answer = worker_->process.ask(request, limit_, name_);
    if (answer.kind == Reply::refused) {
        auto refused = read_refusal(answer.fields);
        if (refused.fatal) usable_ = false;
        throw Refused(std::move(refused.error));
    }
    ByteReader fields(answer.fields);
    if (answer.kind != expected) throw CorruptBytes();
    read(fields);
    if (!fields.empty()) throw CorruptBytes();
}

}  // namespace divan::storage::js
