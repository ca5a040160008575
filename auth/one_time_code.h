#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/json.h"

namespace divan::auth {

/// A second factor by RFC 6238: codes that change every 30 seconds, from a shared secret.
struct OneTimeCodes {
    std::string key;  ///< Decoded. Empty where the document's cannot be read: no code is right.
    std::string algorithm = "sha";  ///< Or sha256, sha512.
    int digits = 6;

    bool operator==(const OneTimeCodes&) const = default;
};

/// `{"key":"BASE32","algorithm":"sha","length":6}`: the member `totp` of a user document. What
/// cannot be read is a factor that nobody has.
OneTimeCodes read_one_time_codes(const JsonValue& totp);

/// Which step of 30 seconds `code` belongs to, where that is the one of `unix_seconds`, or the one
/// before or after it; empty where it is another code. Constant time.
std::optional<std::int64_t> step_of_code(const OneTimeCodes& codes, std::string_view code,
                                         std::int64_t unix_seconds);

/// RFC 4648 section 6, upper case, padding optional. Empty where it is none.
std::optional<std::string> base32_decode(std::string_view text);

}  // namespace divan::auth
