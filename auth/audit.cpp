#include "auth/audit.h"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "auth/audit_file.h"
#include "storage/base/log.h"

namespace divan::auth {
namespace {

constexpr std::chrono::seconds retry_pause{1};
constexpr std::chrono::minutes complaint_pause{1};

}  // namespace

struct Audit::Impl {
    Impl(AuditOptions options, const Clock& its_clock, Metrics& its_metrics)
        : queued_max(options.queued_max),
          clock(its_clock),
          metrics(its_metrics),
          file(std::move(options.folder), options.file_bytes_max, options.sync) {}

    void run();
    bool write(std::vector<TimedAuditEvent>& batch);
    void complain(int error);

    const std::size_t queued_max;
    const Clock& clock;
    Metrics& metrics;
    AuditFile file;  ///< The writer's alone, once it runs.

    std::mutex mutex;
    std::condition_variable more;      ///< Something is queued, or `stopping`.
    std::condition_variable answered;  ///< `tried` has grown.
    std::vector<TimedAuditEvent> queue;
    std::uint64_t recorded = 0;  ///< Events that ever came.
    std::uint64_t tried = 0;     ///< So many of them are written, or failed to be.
    std::uint64_t lost = 0;      ///< Not told in the log yet.
    bool stopping = false;
    std::chrono::steady_clock::time_point complained{};  ///< The writer's.
    std::thread writer;
};

void Audit::Impl::complain(int error) {
    metrics.audit_failures.fetch_add(1, std::memory_order_relaxed);
    const auto now = std::chrono::steady_clock::now();
    if (complained != decltype(complained)() && now - complained < complaint_pause) return;
    complained = now;
    log(LogLevel::critical, fmt::format("cannot write the audit log {}: {}; events wait",
                                        file.path().string(), std::strerror(error)));
}

bool Audit::Impl::write(std::vector<TimedAuditEvent>& batch) {
    const std::string before = file.path().string();
    int error = 0;
    try {
        error = file.append(batch);
    } catch (const std::bad_alloc&) {
        error = ENOMEM;
    }
    if (error != 0) {
        complain(error);
        return false;
    }
    if (file.path() != before) {
        log(LogLevel::notice, fmt::format("audit log {} is full and goes on in {}", before,
                                          file.path().string()));
    }
    metrics.audit_events.fetch_add(batch.size(), std::memory_order_relaxed);
    return true;
}

// What fails goes back to the head of the queue and is tried again; on stopping once only.
void Audit::Impl::run() {
    std::unique_lock lock(mutex);
    while (true) {
        more.wait(lock, [&] { return stopping || !queue.empty(); });
        if (queue.empty()) return;
        std::vector<TimedAuditEvent> batch;
        batch.swap(queue);
        const auto until = recorded;
        if (const auto missing = std::exchange(lost, 0); missing > 0) {
            AuditEvent told;
            told.event = "audit_lost";
            told.ok = false;
            told.detail = fmt::format("{} events were not recorded", missing);
            batch.push_back({std::move(told), clock.unix_seconds()});
        }
        const bool last = stopping;
        lock.unlock();
        const bool written = write(batch);
        lock.lock();
        tried = until;
        answered.notify_all();
        if (written) continue;
        batch.insert(batch.end(), std::make_move_iterator(queue.begin()),
                     std::make_move_iterator(queue.end()));
        queue.swap(batch);
        if (last) return;
        more.wait_for(lock, retry_pause, [&] { return stopping; });
    }
}

Audit::Audit() = default;

Audit::Audit(AuditOptions options, const Clock& clock, Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(options), clock, metrics)) {
    auto& impl = *impl_;
    const auto head = impl.file.head();
    log(LogLevel::notice, fmt::format("audit log {}: goes on after line {}, hash {}",
                                      impl.file.path().string(), head.number, head.hash));
    AuditEvent started;
    started.event = "audit_started";
    if (const auto torn = impl.file.torn_bytes(); torn > 0) {
        started.detail = fmt::format("cut off an unfinished line of {} bytes", torn);
    }
    record(std::move(started));
    impl.writer = std::thread([&impl] { impl.run(); });
}

Audit::~Audit() {
    if (!impl_) return;
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->stopping = true;
    }
    impl_->more.notify_all();
    impl_->writer.join();
    if (!impl_->queue.empty()) {
        log(LogLevel::critical, fmt::format("{} events were not written to the audit log",
                                            impl_->queue.size()));
    }
    const auto& head = impl_->file.head();
    log(LogLevel::notice, fmt::format("audit log {}: ends with line {}, hash {}",
                                      impl_->file.path().string(), head.number, head.hash));
}

void Audit::record(AuditEvent event) noexcept {
    if (!impl_) return;
    auto& impl = *impl_;
    try {
        const auto now = impl.clock.unix_seconds();
        const std::lock_guard lock(impl.mutex);
        ++impl.recorded;
        if (impl.queue.size() < impl.queued_max) {
            impl.queue.push_back({std::move(event), now});
            impl.more.notify_one();
            return;
        }
        ++impl.lost;
    } catch (const std::exception&) {  // no memory for it
        const std::lock_guard lock(impl.mutex);
        ++impl.lost;
    }
    impl.metrics.audit_lost.fetch_add(1, std::memory_order_relaxed);
}

void Audit::flush() {
    if (!impl_) return;
    std::unique_lock lock(impl_->mutex);
    const auto wanted = impl_->recorded;
    impl_->more.notify_one();
    impl_->answered.wait(lock, [&] { return impl_->tried >= wanted; });
}

}  // namespace divan::auth
