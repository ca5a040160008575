#include "storage/base/async/signal.h"

#include <mutex>

#include "storage/base/error.h"

namespace divan {

// A ring may come on any thread at any time, so it only leaves a mark and, where somebody waits,
// posts to the loop. The posted work runs on the loop's thread, where the signal is destroyed too.
struct Signal::State {
    std::mutex mutex;
    EventLoop* loop = nullptr;
    Signal* signal = nullptr;  ///< Null once it is gone.
    bool rung = false;
    bool waiting = false;
    bool posted = false;
};

Signal::Signal() : state_(std::make_shared<State>()) {
    state_->loop = EventLoop::current();
    state_->signal = this;
    DIVAN_CHECK(state_->loop != nullptr);
    ringer_ = [state = state_] {
        const std::lock_guard lock(state->mutex);
        if (state->signal == nullptr) return;
        state->rung = true;
        if (!state->waiting || std::exchange(state->posted, true)) return;
        state->loop->post([state] {
            Signal* signal = nullptr;
            {
                const std::lock_guard inner(state->mutex);
                state->posted = false;
                if (state->waiting && state->rung) signal = state->signal;
            }
            if (signal != nullptr) signal->finish(true);
        });
    };
}

Signal::~Signal() {
    if (cancel_timer_) cancel_timer_();
    const std::lock_guard lock(state_->mutex);
    state_->signal = nullptr;
}

bool Signal::Wait::await_ready() {
    const std::lock_guard lock(signal_.state_->mutex);
    rung_ = std::exchange(signal_.state_->rung, false);
    return rung_;
}

void Signal::Wait::await_suspend(std::coroutine_handle<> awaiter) {
    signal_.awaiter_ = awaiter;
    signal_.wait_ = this;
    signal_.cancel_timer_ = signal_.state_->loop->after(limit_, [signal = &signal_] {
        signal->cancel_timer_ = nullptr;
        signal->finish(false);
    });
    bool already = false;
    {
        const std::lock_guard lock(signal_.state_->mutex);
        signal_.state_->waiting = true;
        already = signal_.state_->rung;
    }
    if (already) signal_.ring();  // it came since `await_ready`
}

void Signal::finish(bool rung) {
    {
        const std::lock_guard lock(state_->mutex);
        if (!state_->waiting) return;
        state_->waiting = false;
        state_->rung = false;
    }
    if (cancel_timer_) std::exchange(cancel_timer_, nullptr)();
    wait_->rung_ = rung;
    wait_ = nullptr;
    std::exchange(awaiter_, nullptr).resume();
}

}  // namespace divan
