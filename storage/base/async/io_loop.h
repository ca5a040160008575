#pragma once

#include <functional>
#include <memory>

#include "storage/base/async/event_loop.h"

namespace divan {

/// Waits for one file descriptor, which it owns and closes. Loop's thread only.
class Watch {
public:
    virtual ~Watch() = default;
    /// Runs `then` once, on the loop, when there is something to read (or the end, or an error).
    /// An empty one forgets the last. What waits when the watch is destroyed never runs.
    virtual void when_readable(std::function<void()> then) = 0;
    virtual void when_writable(std::function<void()> then) = 0;
    /// Gives the descriptor back, open. Nothing else may be asked of the watch then.
    virtual int release() = 0;
};

/// The event loop of sessions: one thread that calls `run`.
class IoLoop : public EventLoop {
public:
    static std::unique_ptr<IoLoop> create();

    /// Until `stop`.
    virtual void run() = 0;
    /// Any thread. What waits then is dropped with the loop.
    virtual void stop() = 0;
    /// Loop's thread, or before `run`. Takes `descriptor`, which must be non-blocking.
    virtual std::unique_ptr<Watch> watch(int descriptor) = 0;
};

}  // namespace divan
