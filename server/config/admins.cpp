#include "server/config/admins.h"

#include <fmt/format.h>

#include "auth/password.h"
#include "storage/base/log.h"

namespace divan::server {

std::string stored_admin_password(const Config& config, std::string_view value) {
    if (auth::is_hashed(value)) return std::string(value);
    return auth::hash_admin_password(value, auth::password_policy(setting_reader(config))).value();
}

void hash_plain_admins(Config& config) {
    for (const auto& [name, value] : config.section("admins")) {
        if (auth::is_hashed(value)) continue;
        const std::string hashed = stored_admin_password(config, value);
        const auto kept = config.set("admins", name, hashed, true);
        if (kept.has_value()) continue;
        log(LogLevel::warning,
            fmt::format("the password of admin {} stays plain text in its file: {}", name,
                        kept.error().reason));
        config.set("admins", name, hashed, false).value();
    }
}

}  // namespace divan::server
