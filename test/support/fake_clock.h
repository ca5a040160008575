#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "storage/base/clock.h"

namespace divan::test {

/// Time that stands still until it is moved. Any thread.
class FakeClock : public Clock {
public:
    std::chrono::steady_clock::time_point now() const override {
        return std::chrono::steady_clock::time_point(std::chrono::seconds(now_.load()));
    }
    std::int64_t unix_seconds() const override { return unix_seconds_.load(); }

    /// Both clocks.
    void advance(std::chrono::seconds time) {
        now_ += time.count();
        unix_seconds_ += time.count();
    }
    void set_unix_seconds(std::int64_t time) { unix_seconds_ = time; }

private:
    std::atomic<std::int64_t> now_{1'000'000};
    std::atomic<std::int64_t> unix_seconds_{1'700'000'000};
};

}  // namespace divan::test
