#include "replication/http/rate_limiter.h"

#include <algorithm>

namespace divan::replication {
namespace {

using Milliseconds = RateLimiter::Milliseconds;

constexpr Milliseconds interval_least{20};
// Changes that follow sooner are of the same moment: many requests were under way.
constexpr Milliseconds window{80};
constexpr Milliseconds decay_after{1000};

Milliseconds step_of(Milliseconds interval) {
    if (interval > Milliseconds(10'000)) return interval_least * 50;
    if (interval > Milliseconds(1000)) return interval_least * 5;
    if (interval > Milliseconds(100)) return interval_least * 2;
    return interval_least;
}

}  // namespace

Milliseconds RateLimiter::interval(std::string_view key, Time now) {
    if (entries_.empty()) return Milliseconds(0);
    forget_old(now);
    const auto entry = entries_.find(key);
    return entry == entries_.end() ? Milliseconds(0) : entry->second.interval;
}

void RateLimiter::refused(const std::string& key, Time now) {
    forget_old(now);
    const auto [entry, is_new] = entries_.try_emplace(key, Entry{interval_least, now});
    auto& [interval, changed] = entry->second;
    if (!is_new && now - changed <= window) return;
    interval = std::min(std::max(interval, interval_least) * 6 / 5, interval_max);
    changed = now;
}

void RateLimiter::served(std::string_view key, Time now) {
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return;
    auto& [interval, changed] = entry->second;
    const auto age = std::chrono::duration_cast<Milliseconds>(now - changed);
    if (age <= window) return;
    if (age > decay_after) interval = std::max(interval - 2 * age, Milliseconds(0));
    interval -= step_of(interval);
    changed = now;
    if (interval <= Milliseconds(0)) {
        entries_.erase(entry);
    } else {
        interval = std::max(interval, interval_least);
    }
}

void RateLimiter::forget_old(Time now) {
    std::erase_if(entries_, [now](const auto& entry) {
        return now - entry.second.changed > 2 * interval_max;
    });
}

}  // namespace divan::replication
