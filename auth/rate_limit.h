#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/base/clock.h"

namespace divan::auth {

/// So many at once, and on average so many in this time.
struct Rate {
    std::int64_t count;
    std::chrono::seconds per;

    bool operator==(const Rate&) const = default;
};

/// Reads "100/900": 100 in 900 seconds. Empty for any other text, and where a number is not
/// 1 … 1,000,000.
std::optional<Rate> parse_rate(std::string_view text);

/// A token bucket a key. A bucket that was never used, or was forgotten, is full. Keeps the
/// `keys_max` keys that were used last, so memory is bounded whatever is sent. Any thread.
class RateLimiter {
public:
    /// `clock` outlives this.
    RateLimiter(const Clock& clock, std::size_t keys_max);

    /// Takes one token; where none is left, how long to wait for it (at least a second).
    std::optional<std::chrono::seconds> take(std::string_view key, const Rate& rate);
    /// What `take` would say, without taking.
    std::optional<std::chrono::seconds> wait(std::string_view key, const Rate& rate) const;
    std::size_t size() const;

private:
    using Time = std::chrono::steady_clock::time_point;
    /// All there is to know of a bucket: when it will be full again.
    struct Bucket {
        std::string key;
        Time full_at;
    };

    Bucket& use(std::string_view key);

    const Clock& clock_;
    const std::size_t keys_max_;
    mutable std::mutex mutex_;
    std::list<Bucket> buckets_;  ///< Used last, first.
    std::unordered_map<std::string_view, std::list<Bucket>::iterator> by_key_;
};

/// What addresses are counted by: an IPv4 address itself, of an IPv6 address ("[…]" or plain) the
/// first 64 bits, since a client has all of the rest.
std::string address_key(std::string_view address);

}  // namespace divan::auth
