#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auth/webauthn/attestation.h"
#include "auth/webauthn/responses.h"

namespace divan::auth::webauthn {

/// What a ceremony must show to be ours.
struct Expectation {
    Bytes challenge;  ///< As it was sent, before base64url.
    std::string rp_id;
    std::vector<std::string> origins;  ///< Pages that may ask: "https://example.org".
    /// Pages of other origins that may have ours in a frame. Where there are none, a ceremony in
    /// such a frame is refused.
    std::vector<std::string> top_origins;
    bool user_verification = false;  ///< Demanded; presence always is.
};

/// A new credential that was verified.
struct Registration {
    Bytes credential_id;
    Bytes public_key;  ///< The COSE key.
    Algorithm algorithm;
    AttestationType attestation;
    Bytes aaguid;
    std::uint32_t sign_count;
    bool user_verified;
    bool backup_eligible;
    bool backed_up;
};

/// What is kept of a credential and is needed to verify a sign-in with it.
struct CredentialState {
    Bytes public_key;  ///< The COSE key.
    std::uint32_t sign_count;
    bool backup_eligible;
};

/// A sign-in that was verified.
struct Authentication {
    std::uint32_t sign_count;
    bool user_verified;
    bool backed_up;
};

/// WebAuthn Level 3 section 7.1, steps 5 to 25; whether the credential is new is the caller's to
/// see. Refuses with `bad_request`.
Result<Registration> verify_registration(const RegistrationResponse& response,
                                         const Expectation& expected);

/// WebAuthn Level 3 section 7.2, steps 8 to 23, in two parts, so that nothing before a right
/// signature tells whether a credential is known. First what is the same for all of them: type,
/// challenge, origin, site, presence, verification. Refuses with `bad_request`.
Result<AuthenticatorData> check_assertion(const AuthenticationResponse& response,
                                          const Expectation& expected);
/// Then signature, backup flag and counter. `data` is what `check_assertion` gave. Refuses with
/// `unauthorized`; with `forbidden` where the signature is right and the counter went back
/// (a copy of the authenticator) or the backup flag is another.
Result<Authentication> verify_assertion(const AuthenticationResponse& response,
                                        const AuthenticatorData& data,
                                        const CredentialState& credential);

}  // namespace divan::auth::webauthn
