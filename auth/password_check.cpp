#include "auth/password_check.h"

#include <algorithm>
#include <ctime>

#include "storage/base/bytes.h"
#include "storage/base/crypto.h"
#include "storage/base/random.h"

namespace divan::auth {
namespace {

constexpr std::string_view section = "couch_passwords_cache";
constexpr std::int64_t objects_otherwise = 10'000;
constexpr std::int64_t objects_max = 10'000'000;
constexpr std::int64_t idle_otherwise = 600'000;
constexpr std::int64_t idle_max = std::int64_t{1} << 40;

double thread_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// How many of the decoy's rounds the hash was worth, which took `seconds` to compute. bcrypt
/// counts in other rounds, so a few of ours are timed.
std::int64_t rounds_spent(const PasswordHash& hash, double seconds, PasswordHash decoy) {
    switch (hash.scheme) {
        case PasswordHash::Scheme::pbkdf2:
        case PasswordHash::Scheme::simple_pbkdf2: return hash.iterations;
        case PasswordHash::Scheme::bcrypt: break;
        default: return 0;
    }
    constexpr std::int64_t sample = 5000;
    const auto whole = decoy.iterations;
    decoy.iterations = sample;
    const double begun = thread_seconds();
    is_password(decoy, {});
    const double round = (thread_seconds() - begun) / static_cast<double>(sample);
    const double rounds = round > 0 ? seconds / round : 0;
    return rounds < static_cast<double>(whole) ? static_cast<std::int64_t>(rounds) : whole;
}

}  // namespace

PasswordCheck::PasswordCheck(ReadSetting setting, const Clock& clock)
    : setting_(std::move(setting)),
      clock_(clock),
      key_(random_bytes(32)),
      used_(static_cast<std::size_t>(read_integer(setting_, section, "max_objects",
                                                  objects_otherwise, 1, objects_max))) {}

bool PasswordCheck::enabled() const {
    return read_bool(setting_, section, "enable", true);
}

std::string PasswordCheck::digest_of(const Credentials& credentials,
                                     const PasswordHash& hash) const {
    Bytes text;
    ByteWriter writer(text);
    writer.sized(credentials.name);
    writer.sized(credentials.password);
    writer.u8(static_cast<std::uint8_t>(hash.scheme));
    writer.u64(static_cast<std::uint64_t>(hash.iterations));
    writer.sized(hash.prf);
    writer.sized(hash.salt);
    writer.raw(hash.key);
    return hmac_sha256(key_, text);
}

bool PasswordCheck::remembered(const Credentials& credentials, const PasswordHash& hash) const {
    if (hash.scheme == PasswordHash::Scheme::none || !enabled()) return false;
    const std::chrono::milliseconds idle{
        read_integer(setting_, section, "max_idle", idle_otherwise, 0, idle_max)};
    const std::string digest = digest_of(credentials, hash);
    const auto now = clock_.now();
    const std::lock_guard lock(mutex_);
    auto* used = used_.find(digest);
    if (!used || now - *used > idle) return false;
    *used = now;
    return true;
}

void PasswordCheck::remember(const Credentials& credentials, const PasswordHash& hash) {
    if (!enabled()) return;
    const std::string digest = digest_of(credentials, hash);
    const auto now = clock_.now();
    const std::lock_guard lock(mutex_);
    used_.put(digest, now);
}

void PasswordCheck::expect_iterations(std::int64_t iterations) {
    auto known = iterations_expected_.load();
    while (known < iterations && !iterations_expected_.compare_exchange_weak(known, iterations)) {
    }
}

bool PasswordCheck::right(const Credentials& credentials, const PasswordHash& hash) {
    const std::string question = digest_of(credentials, hash);
    std::promise<bool> answer;
    std::shared_future<bool> pending;
    {
        const std::lock_guard lock(mutex_);
        const auto [entry, first] = under_way_.try_emplace(question);
        if (first) {
            entry->second = answer.get_future().share();
        } else {
            pending = entry->second;
        }
    }
    // One thread computes, the others with the same question wait for its answer.
    if (pending.valid()) return pending.get();

    bool right = false;
    try {
        right = compute(credentials, hash);
        answer.set_value(right);
    } catch (...) {
        answer.set_exception(std::current_exception());
        const std::lock_guard lock(mutex_);
        under_way_.erase(question);
        throw;
    }
    const std::lock_guard lock(mutex_);
    under_way_.erase(question);
    return right;
}

// Whoever is told "wrong" must not learn from the time it took whether the name exists, or how old
// its hash is: what the hash did not cost is spent on one that nobody's password is behind.
bool PasswordCheck::compute(const Credentials& credentials, const PasswordHash& hash) const {
    const double begun = thread_seconds();
    if (is_password(hash, credentials.password)) return true;
    const double seconds = thread_seconds() - begun;
    auto decoy = decoy_password(password_policy(setting_));
    const auto expected = std::max(decoy.iterations, iterations_expected_.load());
    decoy.iterations = expected - rounds_spent(hash, seconds, decoy);
    if (decoy.iterations > 0) is_password(decoy, credentials.password);
    return false;
}

}  // namespace divan::auth
