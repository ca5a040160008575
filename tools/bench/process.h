#pragma once

#include <cstdint>
#include <optional>

namespace divan::bench {

/// The local process that listens on a TCP port; empty where there is none, or it is not ours to
/// look at.
std::optional<int> process_listening_on(std::uint16_t port);

/// What a process and its children have used.
struct ProcessUsage {
    double cpu_seconds = 0;
    std::uint64_t resident_bytes = 0;
};
/// Empty where there is no such process.
std::optional<ProcessUsage> usage_of(int process);

/// What this process has used.
double own_cpu_seconds();

}  // namespace divan::bench
