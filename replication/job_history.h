#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace divan::replication {

/// What happened to a job, as `_scheduler/jobs` shows it.
struct JobEvent {
    enum class Type : std::uint8_t { added, started, stopped, crashed };
    Type type = Type::added;
    std::int64_t time = 0;    ///< Seconds since 1970.
    std::string reason = {};  ///< Of a crash.
};

/// The newest first, at most `[replicator] max_history` of them.
class JobHistory {
public:
    void add(JobEvent event, std::size_t events_max);
    const std::deque<JobEvent>& events() const { return events_; }
    bool crashed() const { return !events_.empty() && events_.front().type == crash; }

    /// Crashes in a row, none of which came after `healthy_after` of running well
    /// (couch_replicator_scheduler:consecutive_crashes/2).
    std::size_t consecutive_crashes(std::chrono::seconds healthy_after) const;

private:
    static constexpr auto crash = JobEvent::Type::crashed;
    std::deque<JobEvent> events_;
};

/// How long a job rests after so many crashes in a row: half a minute, and twice as long each time,
/// up to about eight hours (couch_replicator_scheduler:backoff_micros/1).
std::chrono::seconds crash_backoff(std::size_t crashes);

/// "2026-11-21T15:07:52Z"
std::string iso_time(std::int64_t unix_seconds);

}  // namespace divan::replication
