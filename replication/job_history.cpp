#include "replication/job_history.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace divan::replication {

void JobHistory::add(JobEvent event, std::size_t events_max) {
    events_.push_front(std::move(event));
    while (events_.size() > std::max<std::size_t>(events_max, 1)) events_.pop_back();
}

std::size_t JobHistory::consecutive_crashes(std::chrono::seconds healthy_after) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i + 1 < events_.size(); ++i) {
        const auto& event = events_[i];
        const auto& before = events_[i + 1];
        if (event.type == crash) {
            if (event.time - before.time > healthy_after.count()) return count;
            ++count;
        } else if (event.type == JobEvent::Type::stopped &&
                   before.type == JobEvent::Type::started) {
            return count;
        }
    }
    return count;
}

std::chrono::seconds crash_backoff(std::size_t crashes) {
    constexpr std::size_t doublings_max = 10;
    constexpr std::chrono::seconds first{30};
    if (crashes == 0) return std::chrono::seconds(0);
    return first * (1 << std::min(crashes - 1, doublings_max));
}

std::string iso_time(std::int64_t unix_seconds) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                       fmt::gmtime(static_cast<std::time_t>(unix_seconds)));
}

}  // namespace divan::replication
