#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace divan::import {

/// How far a run is. Counted by many threads.
struct Counters {
    std::atomic<std::uint64_t> databases{0};  ///< Finished ones.
    std::atomic<std::uint64_t> documents{0};
    std::atomic<std::uint64_t> leaves{0};
    std::atomic<std::uint64_t> created{0};    ///< Leaves that the target did not have.
    std::atomic<std::uint64_t> attachments{0};
    std::atomic<std::uint64_t> bytes{0};      ///< Bodies and attachments.
    std::atomic<std::uint64_t> locals{0};
    std::atomic<std::uint64_t> failures{0};
};

/// Shows counters while it lives: a line that is drawn over on a terminal, a line a minute
/// elsewhere. On the error output.
class ProgressDisplay {
public:
    /// `databases`: how many there are to do. `counters` outlives this.
    ProgressDisplay(const Counters& counters, std::size_t databases);
    ~ProgressDisplay();

private:
    void show(bool last);
    void run(const std::stop_token& stop);

    const Counters& counters_;
    const std::size_t databases_;
    const bool terminal_;
    const std::int64_t started_;
    std::jthread thread_;
};

}  // namespace divan::import
