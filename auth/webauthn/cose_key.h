#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/error.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace divan::auth::webauthn {

/// Signature algorithms by their number in IANA's "COSE Algorithms".
enum class Algorithm : std::int32_t {
    es256 = -7,
    eddsa = -8,  ///< With Ed25519.
    es384 = -35,
    es512 = -36,
    rs256 = -257,
};

/// In the order in which a new passkey should take them.
inline constexpr std::array offered_algorithms = {
    Algorithm::eddsa, Algorithm::es256, Algorithm::es384, Algorithm::es512, Algorithm::rs256};

Result<Algorithm> algorithm_of(std::int64_t number);

/// A key that can check signatures. Any thread.
class PublicKey {
public:
    /// From a COSE key (RFC 9052 section 7) as WebAuthn's section 6.5.1.1 has it: canonical, with
    /// `alg`, its curve fixed by `alg`, and nothing that is not needed. Refuses with `bad_request`.
    static Result<PublicKey> from_cose(BytesView cose);
    /// Any other key, of a certificate say, for signatures by `algorithm`. Refuses with
    /// `bad_request` where the two do not go together: wrong kind or curve, an RSA key too small.
    static Result<PublicKey> from_key(std::shared_ptr<evp_pkey_st> key, Algorithm algorithm);

    Algorithm algorithm() const { return algorithm_; }
    /// 4, x, y (ANSI X9.62). Only of an elliptic curve key that was made by `from_cose`.
    Bytes uncompressed_point() const;
    /// ECDSA signatures are DER, as WebAuthn's section 6.5.5 has them.
    bool verify(BytesView signature, BytesView message) const;

private:
    PublicKey(Algorithm algorithm, std::shared_ptr<evp_pkey_st> key)
        : algorithm_(algorithm), key_(std::move(key)) {}

    Algorithm algorithm_;
    std::shared_ptr<evp_pkey_st> key_;  ///< Never changed, so that copies may share it.
};

}  // namespace divan::auth::webauthn
