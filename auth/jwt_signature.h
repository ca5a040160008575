#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "storage/base/bytes.h"
#include "storage/base/error.h"

struct evp_pkey_st;

namespace divan::auth {

/// A signature algorithm of RFC 7518 and 8037.
struct JwtAlgorithm {
    std::string_view name;    ///< "RS256"…
    std::string_view family;  ///< Of the keys that may verify it: "hmac", "rsa", "ec", "eddsa".
    const char* digest;       ///< OpenSSL's name; null for EdDSA.
    const char* curve;        ///< Of ES…: OpenSSL's name of the one it is bound to.
    std::size_t half_bytes;   ///< Of ES…: size of each of the signature's two numbers.
};

/// Null for a name that is none ("none" among them).
const JwtAlgorithm* algorithm_named(std::string_view name);

/// A key that verifies, parsed. Cheap to copy; any thread.
class VerificationKey {
public:
    explicit VerificationKey(Bytes secret) : secret_(std::move(secret)) {}
    explicit VerificationKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}

    /// `algorithm` is one of the key's family; of the ES ones only that of its curve verifies.
    bool verifies(const JwtAlgorithm& algorithm, BytesView text, BytesView signature) const;

private:
    bool verifies_public(const JwtAlgorithm& algorithm, BytesView text, BytesView signature) const;

    Bytes secret_;
    std::shared_ptr<evp_pkey_st> key_;  ///< Shared: EVP_PKEY counts its owners anyway.
};

/// A value of `[jwt_keys]`: base64 for the family "hmac", else PEM whose line ends may be written
/// as "\n". Refuses in CouchDB's words (jwtf_keystore:get_from_config/2).
Result<VerificationKey> read_key(std::string_view family, std::string_view text);

}  // namespace divan::auth
