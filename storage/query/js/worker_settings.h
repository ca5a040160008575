#pragma once

#include <chrono>
#include <cstddef>

#include "storage/base/setting.h"
#include "storage/query/js/reduce_limit.h"

namespace divan::storage::js {

/// As configured now.
struct WorkerSettings {
    std::size_t processes_max = 4;
    std::size_t heap_bytes = std::size_t{256} << 20;  ///< Of one process.
    std::chrono::milliseconds time_limit{5000};       ///< For one answer, or to wait for a process.
    std::chrono::seconds idle_limit{300};             ///< After which a process is let go.
    ReduceLimit reduce;
};

/// From `[query_server_config]` and `[couchdb] os_process_timeout`.
WorkerSettings read_worker_settings(const ReadSetting& read);

}  // namespace divan::storage::js
