#pragma once

#include <chrono>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "storage/base/async/task.h"

namespace divan {

/// One thread that runs sessions. A session stays on its loop for life: its coroutines never run on
/// two threads at once, and come back to the loop after every wait.
class EventLoop {
public:
    using Clock = std::chrono::steady_clock;

    virtual ~EventLoop() = default;
    /// The loop whose thread this is; null on other threads.
    static EventLoop* current();
    /// Any thread. Runs `work` on the loop, soon.
    virtual void post(std::function<void()> work) = 0;
    /// Loop's thread only. Runs `work` on the loop after `delay`, unless the returned function is
    /// called before (then it never runs). Call the canceller at most once, on the loop's thread.
    virtual std::function<void()> after(std::chrono::milliseconds delay,
                                        std::function<void()> work) = 0;
};

/// Threads for what blocks: scans, syncs, password hashes.
class WorkPool {
public:
    virtual ~WorkPool() = default;
    virtual void post(std::function<void()> work) = 0;
};

/// `co_await run_on(pool, f)`: f's result, computed on the pool; resumes on the loop.
template <class F>
class PoolAwaiter {
public:
    using T = std::invoke_result_t<F>;
    // g++ 12 destroys a closure twice that is made within a co_await expression: capture
    // references, which the awaiting coroutine keeps alive.
    static_assert(std::is_trivially_destructible_v<F>, "capture by reference");

    PoolAwaiter(WorkPool& pool, F work) : pool_(pool), work_(std::move(work)) {}

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiter) {
        EventLoop* loop = EventLoop::current();
        pool_.post([this, awaiter, loop] {
            try {
                if constexpr (std::is_void_v<T>) {
                    work_();
                } else {
                    value_.emplace(work_());
                }
            } catch (...) {
                failure_ = std::current_exception();
            }
            loop->post([awaiter] { awaiter.resume(); });
        });
    }
    T await_resume() {
        if (failure_) std::rethrow_exception(failure_);
        if constexpr (!std::is_void_v<T>) return std::move(*value_);
    }

private:
    WorkPool& pool_;
    F work_;
    std::exception_ptr failure_;
    std::conditional_t<std::is_void_v<T>, std::optional<bool>, std::optional<T>> value_;
};

template <class F>
PoolAwaiter<F> run_on(WorkPool& pool, F work) {
    return PoolAwaiter<F>(pool, std::move(work));
}

}  // namespace divan
