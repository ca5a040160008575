#include "auth/session_rules.h"

#include "auth/user_document.h"
#include "storage/base/json.h"

namespace divan::auth {
namespace {

constexpr std::int64_t century = 100LL * 365 * 24 * 3600;

std::vector<std::string> parse_secrets(const std::string& text) {
    if (text.empty()) return {};
    if (text.front() != '[') return {text};
    const auto list = parse_json(text);
    if (!list || !list->is_array() || list->items().empty()) return {text};
    std::vector<std::string> secrets;
    for (const auto& secret : list->items()) {
        if (!secret.is_string() || secret.string().empty()) return {text};
        secrets.push_back(secret.string());
    }
    return secrets;
}

}  // namespace

SessionRules::SessionRules(const ReadSetting& read)
    : secrets(parse_secrets(read_auth_setting(read, "secret").value_or(""))),
      algorithms(parse_hash_algorithms(
          read_auth_setting(read, "hash_algorithms").value_or("sha256, sha"))),
      stateless_cookies(read_bool(read, "chttpd_auth", "stateless_cookies", true)),
      timeout(read_auth_integer(read, "timeout", 600, 1, century)),
      access_token_seconds(
          read_integer(read, "sessions", "access_token_seconds", 3600, 1, century)),
      refresh_token_seconds(
          read_integer(read, "sessions", "refresh_token_seconds", 604'800, 1, century)),
      sessions_max(static_cast<std::size_t>(
          read_integer(read, "sessions", "max_per_user", 1000, 1, 1'000'000))),
      users_database(auth::users_database(read)) {}

bool SessionRules::holds_users(std::string_view database) const {
    return database == "_users" || database.ends_with("/_users") || database == users_database;
}

}  // namespace divan::auth
