#include "replication/http/slots.h"

#include "replication/http/failures.h"

namespace divan::replication {

Task<Slots::Slot> Slots::take(Cancellation& cancellation) {
    if (cancellation.requested()) throw cancelled();
    if (free_ > 0 && waiting_.empty()) {
        --free_;
        co_return Slot(*this);
    }
    Signal turn;
    const Cancellation::Hook hook(cancellation, turn);
    const auto place = waiting_.insert(waiting_.end(), &turn);
    while (!cancellation.requested() && !(free_ > 0 && waiting_.front() == &turn)) {
        co_await turn.wait(std::chrono::hours(1));
    }
    waiting_.erase(place);
    const bool ours = !cancellation.requested();
    if (ours) --free_;
    // Several may have become free, and a ring may have been meant for who is cancelled.
    if (free_ > 0 && !waiting_.empty()) waiting_.front()->ring();
    if (!ours) throw cancelled();
    co_return Slot(*this);
}

void Slots::give_back() {
    ++free_;
    if (!waiting_.empty()) waiting_.front()->ring();
}

}  // namespace divan::replication
