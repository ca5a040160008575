#include "storage/query/js/worker_settings.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <thread>

namespace divan::storage::js {
namespace {

constexpr std::string_view section = "query_server_config";
constexpr std::int64_t processes_min = 4;
constexpr std::int64_t processes_most = 1000;
constexpr std::int64_t heap_bytes_least = std::int64_t{16} << 20;
constexpr std::int64_t heap_bytes_most = std::int64_t{3} << 30;
constexpr std::int64_t milliseconds_most = std::int64_t{24} * 3600 * 1000;
constexpr std::int64_t seconds_most = std::int64_t{365} * 24 * 3600;

double read_ratio(const ReadSetting& read, double otherwise) {
    const auto text = read(section, "reduce_limit_ratio").value_or("");
    double ratio = 0;
    const auto end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, ratio);
    return parsed.ec == std::errc() && parsed.ptr == end && ratio >= 0 ? ratio : otherwise;
}

ReduceLimit read_reduce_limit(const ReadSetting& read) {
    ReduceLimit limit;
    const auto mode = read(section, "reduce_limit").value_or("true");
    if (mode == "false") limit.mode = ReduceLimit::Mode::off;
    if (mode == "log") limit.mode = ReduceLimit::Mode::log;
    const auto free = static_cast<std::int64_t>(limit.output_bytes_free);
    limit.output_bytes_free =
        static_cast<std::size_t>(read_integer(read, section, "reduce_limit_threshold", free, 0,
                                              std::numeric_limits<std::int64_t>::max()));
    limit.ratio = read_ratio(read, limit.ratio);
    return limit;
}

}  // namespace

WorkerSettings read_worker_settings(const ReadSetting& read) {
    WorkerSettings settings;
    const std::int64_t cores = std::max(1U, std::thread::hardware_concurrency());
    settings.processes_max = static_cast<std::size_t>(read_integer(
        read, section, "os_process_limit", std::max(processes_min, 2 * cores), 1, processes_most));
    settings.heap_bytes = static_cast<std::size_t>(read_integer(
        read, section, "os_process_heap_limit", static_cast<std::int64_t>(settings.heap_bytes),
        heap_bytes_least, heap_bytes_most));
    settings.time_limit = std::chrono::milliseconds(read_integer(
        read, "couchdb", "os_process_timeout", settings.time_limit.count(), 1, milliseconds_most));
    settings.idle_limit = std::chrono::seconds(read_integer(
        read, section, "os_process_idle_limit", settings.idle_limit.count(), 0, seconds_most));
    settings.reduce = read_reduce_limit(read);
    return settings;
}

}  // namespace divan::storage::js
