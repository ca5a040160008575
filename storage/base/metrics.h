#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace divan {

/// Counters of the whole process, each a relaxed atomic. `_node/_local/_stats` and `_prometheus`
/// read them.
struct Metrics {
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> open_connections{0};
    std::atomic<std::uint64_t> document_reads{0};
    std::atomic<std::uint64_t> document_writes{0};
    std::atomic<std::uint64_t> commits{0};
    std::array<std::atomic<std::uint64_t>, 600> status_codes{};
};

}  // namespace divan
