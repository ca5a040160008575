#pragma once

#include <chrono>
#include <cstdint>

namespace divan {

/// Time as the server sees it; a test hands in its own.
class Clock {
public:
    virtual ~Clock() = default;
    virtual std::chrono::steady_clock::time_point now() const {
        return std::chrono::steady_clock::now();
    }
    virtual std::int64_t unix_seconds() const {
        return std::chrono::duration_cast<std::chrono::seconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
    }
};

}  // namespace divan
