#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace divan {

/// Counters of the whole process, each a relaxed atomic. `_node/_local/_stats` and `_prometheus`
/// read them.
struct Metrics {
    static constexpr std::array<std::string_view, 7> methods = {"COPY",    "DELETE", "GET", "HEAD",
                                                                "OPTIONS", "POST",   "PUT"};

    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> open_connections{0};
    std::atomic<std::uint64_t> document_reads{0};
    std::atomic<std::uint64_t> document_writes{0};
    std::atomic<std::uint64_t> rate_limited{0};    ///< Requests that were answered with 429.
    std::atomic<std::uint64_t> audit_events{0};    ///< Written to the audit log.
    std::atomic<std::uint64_t> audit_failures{0};  ///< Writes to it that failed.
    std::atomic<std::uint64_t> audit_lost{0};      ///< Events that it has no line for.
    std::array<std::atomic<std::uint64_t>, 600> status_codes{};
    std::array<std::atomic<std::uint64_t>, methods.size()> request_methods{};

    /// Other methods are not counted.
    void count_method(std::string_view method) {
        for (std::size_t i = 0; i < methods.size(); ++i) {
            if (methods[i] == method) request_methods[i].fetch_add(1, std::memory_order_relaxed);
        }
    }
};

}  // namespace divan
