#include "server/config/admins.h"

#include <doctest/doctest.h>

#include "auth/password.h"

namespace divan::server {

TEST_CASE("admins: plain passwords are hashed with the rounds of the configuration") {
    Config config;
    REQUIRE(config.set("chttpd_auth", "iterations", "10", false).has_value());
    REQUIRE(config.set("admins", "ann", "secret", false).has_value());
    const auto hashed = auth::hash_admin_password("other", {"pbkdf2", "sha256", 10}).value();
    REQUIRE(config.set("admins", "bob", hashed, false).has_value());

    hash_plain_admins(config);
    const auto stored = config.get("admins", "ann");
    CHECK(stored.ends_with(",10"));
    CHECK(auth::is_password(auth::parse_admin_password(stored), "secret"));
    CHECK(config.get("admins", "bob") == hashed);

    hash_plain_admins(config);
    CHECK(config.get("admins", "ann") == stored);
}

}  // namespace divan::server
