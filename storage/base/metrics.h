#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace divan {

/// Of the replicator, under CouchDB's names: `couch_replicator` in `_stats`.
struct ReplicationMetrics {
    using Counter = std::atomic<std::uint64_t>;

    Counter jobs_added{0};
    Counter jobs_added_again{0};  ///< `jobs.duplicate_adds`: it was there already.
    Counter jobs_removed{0};
    Counter jobs_started{0};
    Counter jobs_stopped{0};
    Counter jobs_crashes{0};
    Counter jobs_running{0};  ///< These four are now, the others since the start.
    Counter jobs_pending{0};
    Counter jobs_crashed{0};
    Counter jobs_total{0};
    Counter failed_starts{0};
    Counter database_scans{0};      ///< Looks for databases of replication documents.
    Counter databases_found{0};     ///< Such databases.
    Counter databases_deleted{0};
    Counter document_changes{0};    ///< Changes of replication documents that were dealt with.
    Counter failed_documents{0};    ///< State "failed" written to a document.
    Counter completed_documents{0};

    Counter requests{0};            ///< To other servers, each try of one.
    Counter retries{0};             ///< Tries after a failure.
    Counter throttled{0};           ///< Answers of 429.
    Counter responses_good{0};      ///< Answers that no other try would change, refusals included.
    Counter responses_failed{0};    ///< Others, and none at all.
    Counter feeds_good{0};          ///< The same of `_changes`.
    Counter feeds_failed{0};
    Counter feeds_broken{0};        ///< `_changes` that broke off.
    Counter connections_created{0};
    Counter connections_reused{0};
    Counter connections_released{0};  ///< Given back, to be used again.
    Counter connections_closed{0};
    Counter connections_open{0};      ///< Now.
    Counter connections_redirected{0};  ///< Requests that `connect_to` led elsewhere.
    Counter checkpoints_written{0};
    Counter checkpoints_failed{0};
    Counter documents_read{0};        ///< Copied by replications, of and to any database.
    Counter documents_written{0};
    Counter document_write_failures{0};

    static void count(Counter& counter) { counter.fetch_add(1, std::memory_order_relaxed); }
};

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
    ReplicationMetrics replication;
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
