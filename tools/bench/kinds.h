#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tools/bench/load_loop.h"
#include "tools/bench/site.h"

namespace divan::bench {

/// When a slice of work ends: at whichever comes first.
struct Limits {
    std::chrono::steady_clock::time_point deadline;
    std::uint64_t requests_max;
};

/// What a slice of work came to.
struct Samples {
    std::vector<std::chrono::nanoseconds> latencies;  ///< One a request.
    double items = 0;                                 ///< In the kind's unit.
};

/// One kind of work.
struct Kind {
    std::string_view name;
    std::string_view about;
    std::string_view unit;  ///< Of the rate: what is counted, a second.
    std::size_t clients;
    std::uint64_t requests_max;  ///< A round; bounds what is left on the disk.
    std::unique_ptr<Work> (*make)(Site& site, Limits limits, std::size_t clients, Samples& samples);
};

std::span<const Kind> kinds();

}  // namespace divan::bench
