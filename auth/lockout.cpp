#include "auth/lockout.h"

#include <fmt/format.h>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/json.h"
#include "storage/base/log.h"

namespace divan::auth {
namespace {

constexpr std::string_view section = "chttpd_auth_lockout";
constexpr std::int64_t threshold_otherwise = 5;
constexpr std::int64_t objects_otherwise = 10'000;
constexpr std::int64_t objects_max = 10'000'000;
constexpr std::int64_t lifetime_otherwise = 300'000;
constexpr std::int64_t lifetime_max = std::int64_t{1} << 40;

// Fixed in size, however long a name somebody sends. MD5 is good enough: whoever finds two names
// of one key has found how to lock himself out.
std::string key_of(std::string_view client, std::string_view name, std::string_view salt) {
    Bytes text;
    ByteWriter writer(text);
    writer.sized(client);
    writer.sized(name);
    writer.raw(salt);
    return std::string(as_bytes(md5(text)));
}

}  // namespace

Lockout::Lockout(ReadSetting setting, const Clock& clock)
    : setting_(std::move(setting)),
      clock_(clock),
      failures_(static_cast<std::size_t>(read_integer(setting_, section, "max_objects",
                                                      objects_otherwise, 1, objects_max))) {}

Lockout::Mode Lockout::mode() const {
    const auto mode = setting_(section, "mode");
    if (!mode || *mode == "enforce") return Mode::enforce;
    return *mode == "warn" ? Mode::warn : Mode::off;
}

std::chrono::milliseconds Lockout::lifetime() const {
    return std::chrono::milliseconds(
        read_integer(setting_, section, "max_lifetime", lifetime_otherwise, 0, lifetime_max));
}

bool Lockout::closed(std::string_view client, std::string_view name, std::string_view salt) const {
    std::int64_t count = 0;
    {
        const std::lock_guard lock(mutex_);
        if (failures_.size() == 0) return false;
        const auto* failures = failures_.find(key_of(client, name, salt));
        if (!failures || clock_.now() - failures->since > lifetime()) return false;
        count = failures->count;
    }
    const Mode now = mode();
    if (now == Mode::off) return false;
    if (count < read_integer(setting_, section, "threshold", threshold_otherwise, 0, INT64_MAX)) {
        return false;
    }
    if (now == Mode::enforce) return true;
    log(LogLevel::warning, fmt::format("authentication failure threshold reached for {} from {}",
                                       json_string(name), client));
    return false;
}

void Lockout::count_failure(std::string_view client, std::string_view name,
                            std::string_view salt) {
    if (mode() == Mode::off) return;
    const auto now = clock_.now();
    const auto lasting = lifetime();
    const std::string key = key_of(client, name, salt);
    const std::lock_guard lock(mutex_);
    auto* failures = failures_.find(key);
    if (failures && now - failures->since <= lasting) {
        ++failures->count;
    } else {
        failures_.put(key, {1, now});
    }
}

}  // namespace divan::auth
