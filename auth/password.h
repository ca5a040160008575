#pragma once

#include <string>
#include <string_view>

namespace divan::auth {

/// Whether `password` is the one of a stored `[admins]` value, in any form CouchDB wrote:
/// "-hashed-sha1,salt", "-pbkdf2-key,salt,iterations" (SHA-1), "-pbkdf2:sha256-key,salt,iterations".
/// A plain text is compared as it is. Constant time for one form.
bool verify_admin_password(std::string_view stored, std::string_view password);
/// Whether a value of `[admins]` is hashed already.
bool is_hashed(std::string_view stored);
/// "-pbkdf2:sha256-key,salt,iterations".
std::string hash_admin_password(std::string_view password, unsigned iterations);

}  // namespace divan::auth
