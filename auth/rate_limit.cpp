#include "auth/rate_limit.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "storage/base/crypto.h"
#include "storage/base/digest.h"

namespace divan::auth {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::size_t key_bytes_max = 128;

std::optional<std::int64_t> parse_count(std::string_view text) {
    constexpr std::int64_t most = 1'000'000;
    std::int64_t number = 0;
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, number);
    if (error != std::errc() || end != last || number < 1 || number > most) return std::nullopt;
    return number;
}

// A long key is kept by its digest: names are as long as somebody makes them.
std::string short_key(std::string_view key) {
    if (key.size() <= key_bytes_max) return std::string(key);
    return hex_encode(sha256(key));
}

// How long until a bucket that is full again at `full_at` has one token.
std::optional<seconds> time_to_token(steady_clock::time_point now,
                                     steady_clock::time_point full_at, const Rate& rate) {
    const steady_clock::duration whole = rate.per;
    const auto missing = std::max(full_at, now) - now + whole / rate.count;
    if (missing <= whole) return std::nullopt;
    return std::max(seconds{1}, std::chrono::ceil<seconds>(missing - whole));
}

}  // namespace

std::optional<Rate> parse_rate(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto count = parse_count(text.substr(0, slash));
    const auto per = parse_count(text.substr(slash + 1));
    if (!count || !per) return std::nullopt;
    return Rate{*count, seconds{*per}};
}

RateLimiter::RateLimiter(const Clock& clock, std::size_t keys_max)
    : clock_(clock), keys_max_(std::max<std::size_t>(keys_max, 1)) {}

std::optional<seconds> RateLimiter::take(std::string_view key, const Rate& rate) {
    const auto now = clock_.now();
    const std::lock_guard lock(mutex_);
    auto& bucket = use(short_key(key));
    if (const auto waiting = time_to_token(now, bucket.full_at, rate)) return waiting;
    bucket.full_at = std::max(bucket.full_at, now) + steady_clock::duration(rate.per) / rate.count;
    return std::nullopt;
}

std::optional<seconds> RateLimiter::wait(std::string_view key, const Rate& rate) const {
    const auto now = clock_.now();
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(short_key(key));
    if (found == by_key_.end()) return std::nullopt;
    return time_to_token(now, found->second->full_at, rate);
}

std::size_t RateLimiter::size() const {
    const std::lock_guard lock(mutex_);
    return buckets_.size();
}

RateLimiter::Bucket& RateLimiter::use(std::string_view key) {
    const auto found = by_key_.find(key);
    if (found != by_key_.end()) {
        buckets_.splice(buckets_.begin(), buckets_, found->second);
        return buckets_.front();
    }
    if (buckets_.size() >= keys_max_) {
        by_key_.erase(buckets_.back().key);
        buckets_.pop_back();
    }
    buckets_.push_front({std::string(key), Time::min()});
    by_key_.emplace(buckets_.front().key, buckets_.begin());
    return buckets_.front();
}

std::string address_key(std::string_view address) {
    std::string text(address);
    if (text.size() > 2 && text.front() == '[') text = text.substr(1, text.size() - 2);
    std::array<unsigned char, 16> bytes{};
    if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return std::string(address);
    return hex_encode({reinterpret_cast<const char*>(bytes.data()), 8}) + "/64";
}

}  // namespace divan::auth
