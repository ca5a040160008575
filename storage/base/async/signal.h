#pragma once

#include <chrono>
#include <memory>

#include "storage/base/async/event_loop.h"

namespace divan {

/// What one coroutine waits for and any thread may ring: a feed waits on one, and a database's
/// bell, the connection's end and a heartbeat ring it. A ring while nobody waits is kept for the
/// next wait; several count as one.
///
/// Made, awaited and destroyed on one loop's thread. `ring` is for any thread, also by a copy of
/// `ringer()` after the signal is gone (then it does nothing).
class Signal {
public:
    Signal();
    ~Signal();
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;

    void ring() { ringer_(); }
    /// Safe to keep longer than the signal, to call on any thread, and to call under a lock.
    std::function<void()> ringer() const { return ringer_; }

    /// `co_await signal.wait(…)`: true when rung, false when the time is over.
    class Wait {
    public:
        Wait(Signal& signal, std::chrono::milliseconds limit) : signal_(signal), limit_(limit) {}
        bool await_ready();
        void await_suspend(std::coroutine_handle<> awaiter);
        bool await_resume() const { return rung_; }

    private:
        friend class Signal;
        Signal& signal_;
        std::chrono::milliseconds limit_;
        bool rung_ = false;
    };
    Wait wait(std::chrono::milliseconds limit) { return Wait(*this, limit); }

private:
    struct State;
    void finish(bool rung);

    std::shared_ptr<State> state_;  // shared with ringers, which may outlive the signal
    std::function<void()> ringer_;
    std::coroutine_handle<> awaiter_;
    Wait* wait_ = nullptr;
    std::function<void()> cancel_timer_;
};

}  // namespace divan
