#pragma once

#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "auth/basic.h"
#include "auth/password.h"
#include "storage/base/clock.h"
#include "storage/base/lru_map.h"

namespace divan::auth {

/// Compares passwords with their hashes. Any thread.
///
/// A hash costs a good part of a second on purpose, so what was right once is remembered while it
/// is used, under a keyed digest that is of no use outside this process
/// (`[couch_passwords_cache]` enable, max_objects, max_idle in milliseconds).
class PasswordCheck {
public:
    PasswordCheck(ReadSetting setting, const Clock& clock);

    /// Whether this password was right for this very hash lately. Cheap.
    bool remembered(const Credentials& credentials, const PasswordHash& hash) const;
    /// Slow: for a pool. The same question from many threads at once is computed once. A failure
    /// costs what new passwords' hashes cost at least, also where there is no hash.
    bool right(const Credentials& credentials, const PasswordHash& hash);
    /// The password is known to be that of `hash`.
    void remember(const Credentials& credentials, const PasswordHash& hash);
    /// Failures cost at least so many iterations from now on.
    void expect_iterations(std::int64_t iterations);

private:
    std::string digest_of(const Credentials& credentials, const PasswordHash& hash) const;
    bool compute(const Credentials& credentials, const PasswordHash& hash) const;
    bool enabled() const;

    const ReadSetting setting_;
    const Clock& clock_;
    const std::string key_;
    std::atomic<std::int64_t> iterations_expected_{0};
    mutable std::mutex mutex_;
    mutable LruMap<std::chrono::steady_clock::time_point> used_;  ///< By digest.
    std::map<std::string, std::shared_future<bool>> under_way_;   ///< By digest.
};

}  // namespace divan::auth
