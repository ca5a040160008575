#include "auth/password.h"

#include <crypt.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <stdexcept>

#include "storage/base/crypto.h"
#include "storage/base/digest.h"
#include "storage/base/random.h"

namespace divan::auth {
namespace {

// CouchDB's defaults, but for the last: a user may write iterations of a billion into the own
// document, and each try to sign in would then stop a thread for minutes.
constexpr std::int64_t iterations_otherwise = 600'000;
constexpr std::int64_t user_iterations_otherwise = 10'000;
constexpr std::int64_t iterations_max = 1'000'000'000;
constexpr std::int64_t iterations_max_otherwise = 10'000'000;
// No hash is longer; a document may be.
constexpr std::size_t key_bytes_max = 1024;
constexpr std::size_t salt_bytes_max = 4096;
// Two to this many rounds take about a second.
constexpr int bcrypt_cost_max = 14;

/// CouchDB's names of the hash functions that PBKDF2 may be built on.
struct Prf {
    std::string_view name;
    const EVP_MD* (*digest)();
};
constexpr Prf prfs[] = {
    {"sha", EVP_sha1},      {"sha224", EVP_sha224}, {"sha256", EVP_sha256},
    {"sha384", EVP_sha384}, {"sha512", EVP_sha512},
};

const EVP_MD* digest_of(std::string_view prf) {
    for (const Prf& known : prfs) {
        if (known.name == prf) return known.digest();
    }
    return nullptr;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

/// Cuts off and returns what stands before `separator`; empty where there is none.
std::optional<std::string_view> cut(std::string_view& text, char separator) {
    const auto at = text.find(separator);
    if (at == std::string_view::npos) return std::nullopt;
    const auto head = text.substr(0, at);
    text.remove_prefix(at + 1);
    return head;
}

std::optional<std::int64_t> parse_iterations(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    if (value < 1 || value > iterations_max) return std::nullopt;
    return value;
}

PasswordHash parse_simple(std::string_view text) {
    const auto key = cut(text, ',');
    if (!key) return {};
    return {PasswordHash::Scheme::simple, {}, std::string(*key), std::string(text), 0};
}

PasswordHash parse_pbkdf2(std::string_view prf, std::string_view text) {
    const auto key = cut(text, ',');
    const auto salt = key ? cut(text, ',') : std::nullopt;
    const auto iterations = salt ? parse_iterations(text) : std::nullopt;
    if (!iterations) return {};
    return {PasswordHash::Scheme::pbkdf2, std::string(prf), std::string(*key), std::string(*salt),
            *iterations};
}

/// "sha256" of "-pbkdf2:sha256-…", which is cut off; "sha" of the older "-pbkdf2-…". Empty where
/// it is neither.
std::string_view take_pbkdf2_prefix(std::string_view& text) {
    if (take_prefix(text, "-pbkdf2-")) return "sha";
    if (!take_prefix(text, "-pbkdf2:")) return {};
    const auto prf = cut(text, '-');
    return prf && digest_of(*prf) ? *prf : std::string_view();
}

std::string pbkdf2_hex(const EVP_MD* digest, std::string_view password, std::string_view salt,
                       std::int64_t iterations) {
    const int size = EVP_MD_get_size(digest);
    DIVAN_CHECK(size > 0);
    std::string key(static_cast<std::size_t>(size), '\0');
    const int done = PKCS5_PBKDF2_HMAC(
        password.data(), static_cast<int>(password.size()),
        reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
        static_cast<int>(iterations), digest, static_cast<int>(key.size()),
        reinterpret_cast<unsigned char*>(key.data()));
    if (done != 1) throw std::runtime_error("the password could not be hashed (PBKDF2 failed)");
    return hex_encode(key);
}

std::string simple_hex(std::string_view password, std::string_view salt) {
    const std::string text = fmt::format("{}{}", password, salt);
    std::string digest(20, '\0');
    const int done = EVP_Digest(text.data(), text.size(),
                                reinterpret_cast<unsigned char*>(digest.data()), nullptr,
                                EVP_sha1(), nullptr);
    if (done != 1) throw std::runtime_error("the password could not be hashed (SHA-1 failed)");
    return hex_encode(digest);
}

/// "$2b$10$" and 53 more characters.
bool is_bcrypt(std::string_view text) {
    constexpr std::size_t text_bytes = 60;
    const bool known =
        text.starts_with("$2a$") || text.starts_with("$2b$") || text.starts_with("$2y$");
    if (!known || text.size() != text_bytes || text[6] != '$') return false;
    int cost = 0;
    const auto [end, error] = std::from_chars(text.data() + 4, text.data() + 6, cost);
    return error == std::errc() && end == text.data() + 6 && cost <= bcrypt_cost_max;
}

// Empty where the stored text is no hash; crypt takes what stands before the password's own part.
std::string bcrypt_text(std::string_view password, const std::string& stored) {
    // bcrypt looks at 72 bytes, and crypt at what stands before a zero byte: a password that has
    // one is not the one that was hashed.
    if (!is_bcrypt(stored) || password.find('\0') != std::string_view::npos) return {};
    const auto data = std::make_unique<crypt_data>();
    const char* text = crypt_r(std::string(password).c_str(), stored.c_str(), data.get());
    return text != nullptr && is_bcrypt(text) ? std::string(text) : std::string();
}

std::string computed_key(const PasswordHash& hash, std::string_view password) {
    switch (hash.scheme) {
        case PasswordHash::Scheme::none: return {};
        case PasswordHash::Scheme::plain: return std::string(password);
        case PasswordHash::Scheme::simple: return simple_hex(password, hash.salt);
        case PasswordHash::Scheme::bcrypt: return bcrypt_text(password, hash.key);
        case PasswordHash::Scheme::pbkdf2:
        case PasswordHash::Scheme::simple_pbkdf2: break;
    }
    const EVP_MD* digest = digest_of(hash.prf);
    if (!digest || hash.iterations < 1 || hash.iterations > iterations_max) return {};
    if (hash.scheme == PasswordHash::Scheme::pbkdf2) {
        return pbkdf2_hex(digest, password, hash.salt, hash.iterations);
    }
    return pbkdf2_hex(digest, simple_hex(password, hash.salt), hash.salt, hash.iterations);
}

PasswordHash::Scheme scheme_of(const JsonValue& document) {
    const JsonValue* scheme = document.find("password_scheme");
    if (!scheme) return PasswordHash::Scheme::simple;
    if (!scheme->is_string()) return PasswordHash::Scheme::none;
    const std::string& name = scheme->string();
    if (name == "simple") return PasswordHash::Scheme::simple;
    if (name == "pbkdf2") return PasswordHash::Scheme::pbkdf2;
    if (name == "simple+pbkdf2") return PasswordHash::Scheme::simple_pbkdf2;
    return name == "bcrypt" ? PasswordHash::Scheme::bcrypt : PasswordHash::Scheme::none;
}

/// A text member, or what it is where it is absent; empty optional where it is no text.
std::optional<std::string> text_member(const JsonValue& document, std::string_view key,
                                       std::string_view otherwise, std::size_t bytes_max) {
    const JsonValue* member = document.find(key);
    if (!member) return std::string(otherwise);
    if (!member->is_string() || member->string().size() > bytes_max) return std::nullopt;
    return member->string();
}

}  // namespace

PasswordPolicy password_policy(const ReadSetting& setting) {
    PasswordPolicy policy;
    policy.scheme = read_auth_setting(setting, "password_scheme").value_or("pbkdf2");
    policy.prf = read_auth_setting(setting, "pbkdf2_prf").value_or("sha256");
    policy.iterations = static_cast<std::uint32_t>(read_auth_integer(
        setting, "iterations", iterations_otherwise, 1, iterations_max));
    return policy;
}

PasswordHash parse_admin_password(std::string_view stored) {
    std::string_view rest = stored;
    if (take_prefix(rest, "-hashed-")) return parse_simple(rest);
    const auto prf = take_pbkdf2_prefix(rest);
    if (!prf.empty()) return parse_pbkdf2(prf, rest);
    return {PasswordHash::Scheme::plain, {}, std::string(stored), {}, 0};
}

bool is_hashed(std::string_view stored) {
    return stored.starts_with("-hashed-") || !take_pbkdf2_prefix(stored).empty();
}

Result<std::string> hash_admin_password(std::string_view password, const PasswordPolicy& policy) {
    const auto hash = hash_password(password, policy, random_uuid());
    if (hash.has_error()) return hash.error();
    if (hash->scheme == PasswordHash::Scheme::simple) {
        return fmt::format("-hashed-{},{}", hash->key, hash->salt);
    }
    return fmt::format("-pbkdf2:{}-{},{},{}", hash->prf, hash->key, hash->salt, hash->iterations);
}

PasswordHash read_user_password(const JsonValue& document) {
    const auto scheme = scheme_of(document);
    const bool simple = scheme == PasswordHash::Scheme::simple;
    const auto key =
        text_member(document, simple ? "password_sha" : "derived_key", "", key_bytes_max);
    const auto salt = text_member(document, "salt", "", salt_bytes_max);
    const auto prf = text_member(document, "pbkdf2_prf", "sha", key_bytes_max);
    if (!key || key->empty() || !salt || !prf) return {};
    if (simple || scheme == PasswordHash::Scheme::bcrypt) return {scheme, {}, *key, *salt, 0};

    const JsonValue* iterations = document.find("iterations");
    const auto count = iterations ? iterations->integer() : user_iterations_otherwise;
    if (scheme == PasswordHash::Scheme::none || !count) return {};
    return {scheme, *prf, *key, *salt, *count};
}

Result<void> check_computable(const PasswordHash& hash, const ReadSetting& setting) {
    if (hash.scheme != PasswordHash::Scheme::pbkdf2 &&
        hash.scheme != PasswordHash::Scheme::simple_pbkdf2) {
        return {};
    }
    if (!digest_of(hash.prf)) return Error{Code::forbidden, "PRF is invalid", {}};
    const auto least = read_auth_integer(setting, "min_iterations", 1, 1, iterations_max);
    const auto most = read_auth_integer(setting, "max_iterations", iterations_max_otherwise, 1,
                                        iterations_max);
    if (hash.iterations < least) {
        return Error{Code::forbidden, "Iteration count is too low for this server", {}};
    }
    if (hash.iterations > most) {
        return Error{Code::forbidden, "Iteration count is too high for this server", {}};
    }
    return {};
}

bool is_password(const PasswordHash& hash, std::string_view password) {
    const std::string computed = computed_key(hash, password);
    return hash.scheme != PasswordHash::Scheme::none && !hash.key.empty() &&
           equal_in_constant_time(hash.key, computed);
}

Result<PasswordHash> hash_password(std::string_view password, const PasswordPolicy& policy,
                                   std::string salt) {
    PasswordHash hash;
    hash.salt = std::move(salt);
    if (policy.scheme == "simple") {
        hash.scheme = PasswordHash::Scheme::simple;
    } else if (policy.scheme == "pbkdf2" && digest_of(policy.prf)) {
        hash.scheme = PasswordHash::Scheme::pbkdf2;
        hash.prf = policy.prf;
        hash.iterations = policy.iterations;
    } else {
        return Error{Code::forbidden, "Server cannot hash passwords at this time.", {}};
    }
    hash.key = computed_key(hash, password);
    return hash;
}

PasswordHash decoy_password(const PasswordPolicy& policy) {
    const bool known = policy.scheme == "pbkdf2" && digest_of(policy.prf) != nullptr;
    const std::string prf = known ? policy.prf : "sha256";
    const auto key_bytes = static_cast<std::size_t>(EVP_MD_get_size(digest_of(prf)));
    return {PasswordHash::Scheme::pbkdf2, prf, hex_encode(random_bytes(key_bytes)), random_uuid(),
            policy.iterations};
}

}  // namespace divan::auth
