#pragma once

#include <cstddef>
#include <list>

#include "storage/base/async/cancellation.h"

namespace divan::replication {

/// So many at the same time, the others wait in order. One loop's thread.
class Slots {
public:
    explicit Slots(std::size_t count) : free_(count) {}

    /// One of them, given back by the destructor.
    class Slot {
    public:
        Slot() = default;
        explicit Slot(Slots& slots) : slots_(&slots) {}
        Slot(Slot&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
        Slot& operator=(Slot&& other) noexcept {
            std::swap(slots_, other.slots_);
            return *this;
        }
        ~Slot() {
            if (slots_ != nullptr) slots_->give_back();
        }

    private:
        Slots* slots_ = nullptr;
    };

    /// Throws `PeerFailure` where it is cancelled meanwhile.
    Task<Slot> take(Cancellation& cancellation);

private:
    void give_back();

    std::size_t free_;
    std::list<Signal*> waiting_;
};

}  // namespace divan::replication
