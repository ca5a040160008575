#pragma once

#include <cstdint>

#include "auth/webauthn/authenticator_data.h"
#include "auth/webauthn/cbor.h"
#include "auth/webauthn/cose_key.h"

namespace divan::auth::webauthn {

/// Who vouches for a new credential (WebAuthn section 6.5.3).
enum class AttestationType : std::uint8_t {
    none,
    self,   ///< The credential's own key.
    basic,  ///< A key of the authenticator's maker. Its certificate is checked for its form and
            ///< its signature; whether an authority known to us issued it is not.
};

/// An attestation object (WebAuthn section 6.5.4), taken apart. Views into what was read.
struct AttestationObject {
    std::string_view format;
    CborValue statement;
    BytesView authenticator_data;
};
Result<AttestationObject> parse_attestation_object(BytesView bytes);

/// Checks the statement of `object` as its format asks for (WebAuthn section 8): "none", "packed"
/// and "fido-u2f". Refuses with `bad_request`; any other format by its name. `data` is the object's
/// authenticator data, `key` its credential's key.
Result<AttestationType> verify_attestation(const AttestationObject& object,
                                           const AuthenticatorData& data, const PublicKey& key,
                                           BytesView client_data_hash);

}  // namespace divan::auth::webauthn
