#pragma once

#include <coroutine>
#include <functional>
#include <optional>
#include <utility>

#include "storage/base/async/event_loop.h"

namespace divan::server {

/// `co_await waiting`: what `start` hands to the function it is given, once, on any thread. Resumes
/// on the loop. Make it a variable of the coroutine: nothing is copied, nothing may go earlier.
template <class T>
class Callback {
public:
    using Start = std::function<void(std::function<void(T)> done)>;

    explicit Callback(Start start) : start_(std::move(start)) {}
    Callback(const Callback&) = delete;
    Callback& operator=(const Callback&) = delete;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiter) {
        EventLoop* loop = EventLoop::current();
        start_([this, loop, awaiter](T value) {
            value_.emplace(std::move(value));
            loop->post([awaiter] { awaiter.resume(); });
        });
    }
    T await_resume() { return std::move(*value_); }

private:
    Start start_;
    std::optional<T> value_;
};

}  // namespace divan::server
