#include "replication/settings.h"

#include <charconv>
#include <cmath>

namespace divan::replication {
namespace {

constexpr std::string_view section = "replicator";
constexpr std::int64_t day_ms = 24 * 60 * 60 * 1000;

std::int64_t number(const ReadSetting& read, std::string_view key, std::int64_t otherwise,
                    std::int64_t least, std::int64_t most) {
    return read_integer(read, section, key, otherwise, least, most);
}

std::chrono::milliseconds time(const ReadSetting& read, std::string_view key,
                               std::chrono::milliseconds otherwise) {
    return std::chrono::milliseconds(number(read, key, otherwise.count(), 1, day_ms));
}

// A number, whole or not, as text that is nothing else.
double coefficient(const ReadSetting& read, std::string_view key, double otherwise) {
    const auto text = read(section, key);
    if (!text) return otherwise;
    double value = otherwise;
    const auto* end = text->data() + text->size();
    const auto parsed = std::from_chars(text->data(), end, value);
    const bool good = parsed.ec == std::errc() && parsed.ptr == end && std::isfinite(value);
    return good ? value : otherwise;
}

// "http, https"
void read_list(const ReadSetting& read, std::string_view key, std::vector<std::string>& list) {
    const auto text = read(section, key);
    if (!text) return;
    list.clear();
    std::string_view rest = *text;
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        auto item = rest.substr(0, comma);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        while (item.starts_with(' ')) item.remove_prefix(1);
        while (item.ends_with(' ')) item.remove_suffix(1);
        if (!item.empty()) list.emplace_back(item);
    }
}

}  // namespace

Rules read_rules(const ReadSetting& read) {
    Rules rules;
    auto& tuning = rules.tuning;
    tuning.connection_timeout = time(read, "connection_timeout", tuning.connection_timeout);
    tuning.retries = static_cast<int>(number(read, "retries_per_request", 5, 0, 1'000));
    tuning.http_connections = static_cast<int>(number(read, "http_connections", 20, 1, 1'000));
    tuning.worker_batch_size =
        static_cast<int>(number(read, "worker_batch_size", 500, 1, 10'000));
    tuning.worker_processes = static_cast<int>(number(read, "worker_processes", 4, 1, 100));
    tuning.checkpoint_interval = time(read, "checkpoint_interval", tuning.checkpoint_interval);
    tuning.use_checkpoints = read_bool(read, section, "use_checkpoints", true);
    tuning.use_bulk_get = read_bool(read, section, "use_bulk_get", true);
    read_list(read, "valid_endpoint_protocols", rules.endpoint_protocols);
    read_list(read, "valid_proxy_protocols", rules.proxy_protocols);
    read_list(read, "valid_socket_options", rules.socket_options);
    if (const auto sockets = read(section, "socket_options")) {
        // Not `valid_socket_options`: that is for what replications ask for.
        tuning.sockets = parse_socket_options(*sockets, Rules().socket_options);
    }
    return rules;
}

SchedulerSettings read_scheduler_settings(const ReadSetting& read) {
    SchedulerSettings settings;
    const auto count = [&](std::string_view key, std::size_t otherwise, std::int64_t least) {
        const auto given = number(read, key, static_cast<std::int64_t>(otherwise), least, 1 << 30);
        return static_cast<std::size_t>(given);
    };
    settings.jobs_max = count("max_jobs", settings.jobs_max, 0);
    settings.churn_max = count("max_churn", settings.churn_max, 0);
    settings.history_max = count("max_history", settings.history_max, 1);
    settings.interval = time(read, "interval", settings.interval);
    settings.healthy_after = std::chrono::seconds(
        number(read, "health_threshold", settings.healthy_after.count(), 0, day_ms / 1000));
    settings.startup_jitter = time(read, "startup_jitter", settings.startup_jitter);
    auto& share = settings.share;
    share.usage_coefficient = coefficient(read, "usage_coeff", share.usage_coefficient);
    share.priority_coefficient = coefficient(read, "priority_coeff", share.priority_coefficient);
    share.shares = [read](const std::string& owner) {
        return static_cast<double>(read_integer(read, "replicator.shares", owner, 100, 1, 1000));
    };
    return settings;
}

std::size_t read_document_id_max(const ReadSetting& read) {
    return static_cast<std::size_t>(number(read, "max_document_id_length", 0, 0, 1 << 30));
}

std::chrono::milliseconds read_missing_document_retry(const ReadSetting& read) {
    return time(read, "missing_doc_retry_msec", std::chrono::milliseconds(2000));
}

}  // namespace divan::replication
