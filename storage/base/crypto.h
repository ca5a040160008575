#pragma once

#include <optional>
#include <string_view>

#include "storage/base/bytes.h"

namespace divan {

/// 32 bytes (FIPS 180-4).
Bytes sha256(BytesView bytes);
/// 32 bytes (RFC 2104 with SHA-256).
Bytes hmac_sha256(BytesView key, BytesView bytes);

/// Whether the two are equal. The time it takes tells the sizes alone.
bool equal_in_constant_time(BytesView a, BytesView b);

/// URL-safe alphabet without padding (RFC 4648 section 5). Empty for any other form: padding,
/// white space, the standard alphabet, or bits left over that are not zero.
std::optional<Bytes> base64url_decode(std::string_view text);

}  // namespace divan
