#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "storage/base/async/event_loop.h"

namespace divan::server {

/// Work that is already under way on the pool while its loop goes on, and is waited for later:
/// reading ahead, writing behind. `work` must own what it uses; it runs to its end even where the
/// errand is dropped. Made, awaited (once) and dropped on one loop's thread.
template <class T>
class Errand {
public:
    Errand(WorkPool& pool, std::function<T()> work) : state_(std::make_shared<State>()) {
        EventLoop* loop = EventLoop::current();
        pool.post([state = state_, loop, work = std::move(work)] {
            try {
                state->value.emplace(work());
            } catch (...) {
                state->failure = std::current_exception();
            }
            loop->post([state] {
                state->done = true;
                if (state->awaiter) state->awaiter.resume();
            });
        });
    }

    bool await_ready() const noexcept { return state_->done; }
    void await_suspend(std::coroutine_handle<> awaiter) noexcept { state_->awaiter = awaiter; }
    T await_resume() {
        if (state_->failure) std::rethrow_exception(state_->failure);
        return std::move(*state_->value);
    }

private:
    struct State {
        bool done = false;  // The loop's thread only.
        std::coroutine_handle<> awaiter;
        std::exception_ptr failure;
        std::optional<T> value;
    };
    std::shared_ptr<State> state_;  // Shared with the work.
};

}  // namespace divan::server
