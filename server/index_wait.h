#pragma once

#include <coroutine>
#include <optional>

#include "storage/base/async/event_loop.h"
#include "storage/query/index/indexes.h"

namespace divan::server {

/// `co_await index_at(index, sequence)`: resumes on the loop when the index has everything up to
/// `sequence`; holds no thread until then. Throws `Refused` where it cannot be brought there.
class IndexWait {
public:
    IndexWait(storage::Index& index, Sequence sequence) : index_(index), sequence_(sequence) {}

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiter) {
        EventLoop* loop = EventLoop::current();
        index_.when_at(sequence_, [this, loop, awaiter](Result<void> outcome) {
            outcome_ = std::move(outcome);
            loop->post([awaiter] { awaiter.resume(); });
        });
    }
    void await_resume() { outcome_.value(); }

private:
    storage::Index& index_;
    const Sequence sequence_;
    Result<void> outcome_;
};

inline IndexWait index_at(storage::Index& index, Sequence sequence) {
    return IndexWait(index, sequence);
}

}  // namespace divan::server
