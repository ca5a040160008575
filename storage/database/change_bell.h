#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace divan::storage {

/// Tells waiting feeds that there is something new. Nothing polls. Any thread.
class ChangeBell {
public:
    using Listener = std::function<void()>;

    /// `listener` runs on the ringing thread at every ring until `unsubscribe` has returned; it
    /// must be short, must not throw and must not call the bell.
    std::uint64_t subscribe(Listener listener);
    void unsubscribe(std::uint64_t id);
    void ring();
    std::size_t listeners() const;

private:
    mutable std::mutex mutex_;
    std::map<std::uint64_t, Listener> listeners_;
    std::uint64_t next_id_ = 1;
};

}  // namespace divan::storage
