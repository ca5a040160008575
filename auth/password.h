#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace divan::auth {

/// What CouchDB 3.5 takes for new passwords.
inline constexpr std::uint32_t default_password_iterations = 600'000;

/// Whether `password` is the one of a stored `[admins]` value, in any form CouchDB wrote:
/// "-hashed-sha1,salt", "-pbkdf2-key,salt,iterations" (SHA-1) and
/// "-pbkdf2:sha256-key,salt,iterations". A plain text is compared as it is. Constant time for one
/// form.
bool verify_admin_password(std::string_view stored, std::string_view password);
/// Whether a value of `[admins]` is hashed already.
bool is_hashed(std::string_view stored);
/// "-pbkdf2:sha256-key,salt,iterations". Takes milliseconds to seconds, by the iterations.
std::string hash_admin_password(std::string_view password, unsigned iterations);

}  // namespace divan::auth
