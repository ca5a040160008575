#include "replication/state_writer.h"

#include "storage/base/log.h"

namespace divan::replication {

void StateWriter::write(const Key& key, StateFields fields) {
    State state{std::move(fields), clock_.unix_seconds()};
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        auto& queue = waiting_[key];
        first = queue.empty();
        queue.push_back(std::move(state));
    }
    if (first) pool_.post([this, key] { drain(key); });
}

void StateWriter::drain(const Key& key) {
    std::unique_lock lock(mutex_);
    const auto queue = waiting_.find(key);
    while (!queue->second.empty()) {
        const State& state = queue->second.front();
        lock.unlock();
        try {
            write_state(catalog_, key.first, key.second, state.fields, state.time);
        } catch (const std::exception& failure) {
            log(LogLevel::error, "replication document " + key.second + " in " + key.first +
                                     " was not updated: " + failure.what());
        }
        lock.lock();
        queue->second.pop_front();
    }
    waiting_.erase(queue);
    idle_.notify_all();
}

void StateWriter::finish() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return waiting_.empty(); });
}

}  // namespace divan::replication
