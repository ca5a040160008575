#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>

#include "storage/base/async/signal.h"
#include "storage/base/async/task.h"

namespace divan {

/// Ends what waits on behalf of one piece of work, wherever it waits. Loop's thread only; outlives
/// its waits.
class Cancellation {
public:
    Cancellation() = default;
    /// Part of a larger piece of work: requested with `whole`, which outlives it, or alone.
    explicit Cancellation(Cancellation& whole);
    Cancellation(const Cancellation&) = delete;
    Cancellation& operator=(const Cancellation&) = delete;

    bool requested() const { return requested_; }
    /// Wakes all waits, soon; those that come later end at once.
    void request();

    /// Rings `signal` when it is requested, as long as this lives.
    class Hook {
    public:
        Hook(Cancellation& cancellation, const Signal& signal)
            : Hook(cancellation, signal.ringer()) {}
        /// `then` must be short and make no hook.
        Hook(Cancellation& cancellation, std::function<void()> then);
        ~Hook();
        Hook(const Hook&) = delete;
        Hook& operator=(const Hook&) = delete;

    private:
        Cancellation& cancellation_;
        std::map<const Hook*, std::function<void()>>::iterator place_;
    };

    /// Lets time pass; false where it was requested before that.
    Task<bool> sleep(std::chrono::milliseconds duration);

private:
    std::map<const Hook*, std::function<void()>> hooks_;
    bool requested_ = false;
    std::optional<Hook> whole_;
};

}  // namespace divan
