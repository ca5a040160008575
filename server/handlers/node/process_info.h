#pragma once

#include <cstdint>

namespace divan::server {

/// What the operating system says of this process; 0 where it does not say.
struct ProcessInfo {
    std::uint64_t uptime_seconds = 0;
    std::uint64_t resident_bytes = 0;
    std::uint64_t resident_bytes_max = 0;
    std::uint64_t threads = 0;
    std::uint64_t context_switches = 0;
    std::uint64_t read_bytes = 0;
    std::uint64_t written_bytes = 0;
};

ProcessInfo read_process_info();

}  // namespace divan::server
