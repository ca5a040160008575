#pragma once

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

namespace divan::import {

/// A thread beside the caller's, kept for one task after the other: each new thread may get memory
/// of its own from the allocator, and leaves it behind. Used by one thread.
class Worker {
public:
    Worker() = default;
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Once the task before is done. Throws what that threw; then this one is not begun.
    void start(std::packaged_task<void()> task);
    /// Waits for the last task. Throws what it threw, once.
    void finish();
    /// Waits, whatever it throws.
    void wait() noexcept;

private:
    void work();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::packaged_task<void()> task_;  ///< Guarded by the mutex, as `ended_` is.
    bool ended_ = false;
    std::future<void> running_;
    std::thread thread_;  ///< Made for the first task.
};

}  // namespace divan::import
