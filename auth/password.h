#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/error.h"
#include "storage/base/json.h"
#include "storage/base/setting.h"

namespace divan::auth {

/// A password as it is kept: in `[admins]` or in a user document.
struct PasswordHash {
    enum class Scheme : std::uint8_t {
        none,           ///< There is none, or none that can be read: nobody signs in with it.
        plain,          ///< Only in `[admins]`, until the server hashes it.
        simple,         ///< Hexadecimal SHA-1 of password and salt, one after the other.
        pbkdf2,         ///< RFC 8018, by `prf`; the key as long as its hash.
        simple_pbkdf2,  ///< PBKDF2 of the `simple` form.
        bcrypt,         ///< `key` is the whole "$2b$…" text.
    };

    Scheme scheme = Scheme::none;
    std::string prf;  ///< CouchDB's name of PBKDF2's hash: "sha", "sha256"…
    std::string key;
    std::string salt;
    std::int64_t iterations = 0;

    bool operator==(const PasswordHash&) const = default;
};

/// How new passwords are kept.
struct PasswordPolicy {
    std::string scheme;  ///< "pbkdf2" or "simple", else nothing can be hashed.
    std::string prf;
    std::uint32_t iterations = 0;
};
/// `[chttpd_auth]` password_scheme, pbkdf2_prf, iterations.
PasswordPolicy password_policy(const ReadSetting& setting);

/// A value of `[admins]`, in any form CouchDB wrote: "-hashed-sha1,salt",
/// "-pbkdf2-key,salt,iterations" (SHA-1) and "-pbkdf2:sha256-key,salt,iterations"; else it is the
/// password itself. A hash that cannot be read lets nobody in, not even who knows its text.
PasswordHash parse_admin_password(std::string_view stored);
/// Whether a value of `[admins]` is hashed already.
bool is_hashed(std::string_view stored);
/// A value of `[admins]` that keeps `password` by `policy`. Refuses as `hash_password` does.
Result<std::string> hash_admin_password(std::string_view password, const PasswordPolicy& policy);

/// The password of a user document (couch_httpd_auth:authenticate_int/3, and bcrypt's).
PasswordHash read_user_password(const JsonValue& document);

/// Refuses what is not to be computed: an unknown PRF, and iterations outside of `[chttpd_auth]
/// min_iterations` and `max_iterations`, with CouchDB's sentences.
Result<void> check_computable(const PasswordHash& hash, const ReadSetting& setting);
/// Takes milliseconds to seconds, by the iterations. Constant time in what is compared.
bool is_password(const PasswordHash& hash, std::string_view password);

/// Keeps `password` by `policy`. As slow as `is_password`. Refuses with `forbidden` where the
/// policy is none that can be computed.
Result<PasswordHash> hash_password(std::string_view password, const PasswordPolicy& policy,
                                   std::string salt);

/// A hash by `policy` that no password is behind: checking one costs what a real one costs.
PasswordHash decoy_password(const PasswordPolicy& policy);

}  // namespace divan::auth
