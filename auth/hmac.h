#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"

namespace divan::auth {

/// The hashes that CouchDB signs with, under Erlang's names in the configuration.
enum class HashAlgorithm : std::uint8_t { sha1, sha224, sha256, sha384, sha512 };

/// "sha", "sha256"… Empty for any other.
std::optional<HashAlgorithm> hash_named(std::string_view name);
/// A list as `[chttpd_auth] hash_algorithms` has it. Unknown names are left out; SHA-256 where
/// nothing is left (couch_util:get_config_hash_algorithms/0).
std::vector<HashAlgorithm> parse_hash_algorithms(std::string_view list);

std::size_t digest_bytes(HashAlgorithm algorithm);
/// RFC 2104.
Bytes hmac(HashAlgorithm algorithm, BytesView key, BytesView message);

}  // namespace divan::auth
