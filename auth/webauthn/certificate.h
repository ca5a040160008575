#pragma once

#include <memory>

#include "auth/webauthn/cose_key.h"
#include "storage/base/bytes.h"
#include "storage/base/error.h"

struct x509_st;  // OpenSSL's X509

namespace divan::auth::webauthn {

/// The certificate of an authenticator's maker that vouches for a new key. Any thread.
class Certificate {
public:
    /// DER, and nothing after it. Refuses with `bad_request`.
    static Result<Certificate> parse(BytesView der);

    /// Its key, for signatures by `algorithm`.
    Result<PublicKey> key(Algorithm algorithm) const;
    /// WebAuthn section 8.2.1: version 3; a subject of country, organisation, the unit
    /// "Authenticator Attestation" and a name; no authority; and where it names a model, in an
    /// extension that is not critical, that is `aaguid`. Refuses with `bad_request`.
    Result<void> check_for_packed(BytesView aaguid) const;

private:
    explicit Certificate(std::shared_ptr<x509_st> handle) : handle_(std::move(handle)) {}

    std::shared_ptr<x509_st> handle_;  ///< Never changed, so that copies may share it.
};

}  // namespace divan::auth::webauthn
