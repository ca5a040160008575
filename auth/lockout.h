#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/base/lru_map.h"
#include "storage/base/setting.h"

namespace divan::auth {

/// Closes an account to a client after failed tries: `[chttpd_auth_lockout]` (couch_auth_lockout).
/// Counted by client, name and salt, so that a new password opens it again; for `max_lifetime`
/// milliseconds from the first failure on; of at most `max_objects` clients and names, which is
/// read when this is made. Any thread.
class Lockout {
public:
    Lockout(ReadSetting setting, const Clock& clock);

    /// Whether the account is closed to the client now. In mode `warn` it is only logged.
    bool closed(std::string_view client, std::string_view name, std::string_view salt) const;
    void count_failure(std::string_view client, std::string_view name, std::string_view salt);

private:
    enum class Mode : std::uint8_t { off, warn, enforce };
    struct Failures {
        std::int64_t count = 0;
        std::chrono::steady_clock::time_point since;
    };

    Mode mode() const;
    std::chrono::milliseconds lifetime() const;

    const ReadSetting setting_;
    const Clock& clock_;
    mutable std::mutex mutex_;
    mutable LruMap<Failures> failures_;
};

}  // namespace divan::auth
