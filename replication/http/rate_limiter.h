#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace divan::replication {

/// How long to wait before the next request to a server that answered 429: longer by a factor at
/// each refusal, shorter by a step at each success (couch_replicator_rate_limiter, whose numbers
/// these are; there for each URL and method, here for each server). One thread.
class RateLimiter {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Milliseconds = std::chrono::milliseconds;
    /// A server that has us wait as long as this is not asked any more.
    static constexpr Milliseconds interval_max{25'000};

    Milliseconds interval(std::string_view key, Time now);
    void refused(const std::string& key, Time now);
    void served(std::string_view key, Time now);

private:
    struct Entry {
        Milliseconds interval;
        Time changed;
    };
    void forget_old(Time now);

    std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace divan::replication
