#include "storage/database/change_bell.h"

namespace divan::storage {

std::uint64_t ChangeBell::subscribe(Listener listener) {
    const std::lock_guard lock(mutex_);
    const auto id = next_id_++;
    listeners_.emplace(id, std::move(listener));
    return id;
}

void ChangeBell::unsubscribe(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    listeners_.erase(id);
}

void ChangeBell::ring() {
    // Under the lock, so that no listener runs once `unsubscribe` has returned.
    const std::lock_guard lock(mutex_);
    for (const auto& [id, listener] : listeners_) listener();
}

std::size_t ChangeBell::listeners() const {
    const std::lock_guard lock(mutex_);
    return listeners_.size();
}

}  // namespace divan::storage
