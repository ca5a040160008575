#include "auth/password.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "storage/base/digest.h"
#include "storage/base/error.h"
#include "storage/base/random.h"

namespace divan::auth {
namespace {

// More would stop a thread for minutes: such a value is a mistake or an attack.
constexpr std::uint32_t iterations_max = 100'000'000;

/// CouchDB's names of the hash functions that PBKDF2 may be built on.
struct Prf {
    std::string_view name;
    const EVP_MD* (*digest)();
};
constexpr Prf prfs[] = {
    {"sha", EVP_sha1},      {"sha224", EVP_sha224}, {"sha256", EVP_sha256},
    {"sha384", EVP_sha384}, {"sha512", EVP_sha512},
};

/// A hashed `[admins]` value, taken apart.
struct Stored {
    const EVP_MD* digest = nullptr;
    std::string_view key_hex;
    std::string_view salt;
    std::uint32_t iterations = 0;  ///< 0: the older form, one salted SHA-1.
};

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

std::optional<std::uint32_t> parse_iterations(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    if (value == 0 || value > iterations_max) return std::nullopt;
    return value;
}

std::optional<Stored> parse_pbkdf2(std::string_view text) {
    Stored stored;
    stored.digest = EVP_sha1();
    if (take_prefix(text, "-pbkdf2:")) {
        const auto name = cut(text, '-');
        stored.digest = nullptr;
        for (const Prf& prf : prfs) {
            if (name && prf.name == *name) stored.digest = prf.digest();
        }
    } else if (!take_prefix(text, "-pbkdf2-")) {
        return std::nullopt;
    }
    const auto key = cut(text, ',');
    const auto salt = key ? cut(text, ',') : std::nullopt;
    const auto iterations = salt ? parse_iterations(text) : std::nullopt;
    if (!stored.digest || !iterations) return std::nullopt;
    stored.key_hex = *key;
    stored.salt = *salt;
    stored.iterations = *iterations;
    return stored;
}

std::optional<Stored> parse_stored(std::string_view text) {
    if (!take_prefix(text, "-hashed-")) return parse_pbkdf2(text);
    Stored stored;
    const auto key = cut(text, ',');
    if (!key) return std::nullopt;
    stored.key_hex = *key;
    stored.salt = text;
    return stored;
}

std::string pbkdf2_hex(const EVP_MD* digest, std::string_view password, std::string_view salt,
                       std::uint32_t iterations) {
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

std::string sha1_hex(std::string_view text) {
    std::string digest(20, '\0');
    const int done = EVP_Digest(text.data(), text.size(),
                                reinterpret_cast<unsigned char*>(digest.data()), nullptr,
                                EVP_sha1(), nullptr);
    if (done != 1) throw std::runtime_error("the password could not be hashed (SHA-1 failed)");
    return hex_encode(digest);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

bool verify_admin_password(std::string_view stored, std::string_view password) {
    const auto parsed = parse_stored(stored);
    if (!parsed) {
        // A hash that we cannot read lets nobody in, not even who knows its text.
        return !is_hashed(stored) && equal_in_constant_time(stored, password);
    }
    if (parsed->iterations == 0) {
        return equal_in_constant_time(parsed->key_hex,
                                      sha1_hex(fmt::format("{}{}", password, parsed->salt)));
    }
    return equal_in_constant_time(
        parsed->key_hex,
        pbkdf2_hex(parsed->digest, password, parsed->salt, parsed->iterations));
}

bool is_hashed(std::string_view stored) {
    if (stored.starts_with("-hashed-") || stored.starts_with("-pbkdf2-")) return true;
    if (!take_prefix(stored, "-pbkdf2:")) return false;
    const auto name = cut(stored, '-');
    for (const Prf& prf : prfs) {
        if (name && prf.name == *name) return true;
    }
    return false;
}

std::string hash_admin_password(std::string_view password, unsigned iterations) {
    const std::string salt = random_uuid();
    const std::uint32_t rounds = std::clamp<std::uint32_t>(iterations, 1, iterations_max);
    return fmt::format("-pbkdf2:sha256-{},{},{}",
                       pbkdf2_hex(EVP_sha256(), password, salt, rounds), salt, rounds);
}

}  // namespace divan::auth
