#include "server/session_settings.h"

#include "server/config/config.h"
#include "storage/base/digest.h"
#include "storage/base/random.h"

namespace divan::server {
namespace {

constexpr std::size_t secret_bytes = 32;

bool has_secret(const Config& config) {
    return !read_auth_setting(setting_reader(config), "secret").value_or("").empty();
}

}  // namespace

struct ConfiguredSessions::Versioned {
    std::uint64_t version;
    auth::SessionRules rules;
};

ConfiguredSessions::ConfiguredSessions(Config& config) : config_(config) {}

ConfiguredSessions::~ConfiguredSessions() = default;

std::shared_ptr<const auth::SessionRules> ConfiguredSessions::rules() const {
    auto newest = newest_.load();
    const auto version = config_.version();
    if (!newest || newest->version != version) {
        newest = std::make_shared<const Versioned>(
            Versioned{version, auth::SessionRules(setting_reader(config_))});
        newest_.store(newest);
    }
    return {newest, &newest->rules};
}

std::shared_ptr<const auth::SessionRules> ConfiguredSessions::rules_with_secret() {
    auto current = rules();
    if (!current->secrets.empty()) return current;
    const std::lock_guard lock(secret_mutex_);
    ensure_secret(config_);
    return rules();
}

void ensure_secret(Config& config) {
    if (has_secret(config)) return;
    config.set("chttpd_auth", "secret", base64url_encode(random_bytes(secret_bytes)), true).value();
}

}  // namespace divan::server
