#pragma once

#include <cstdint>
#include <optional>

#include "storage/base/bytes.h"
#include "storage/base/error.h"

namespace divan::auth::webauthn {

/// Longest credential id (WebAuthn section 7.1 step 25).
inline constexpr std::size_t credential_id_bytes_max = 1023;
inline constexpr std::size_t aaguid_bytes = 16;

/// The new credential inside authenticator data (WebAuthn section 6.5.1). Views into what was read.
struct AttestedCredential {
    BytesView aaguid;
    BytesView id;
    BytesView public_key;  ///< A COSE key, not looked at yet.
};

/// Authenticator data (WebAuthn section 6.1). Views into what was read, which outlives it.
struct AuthenticatorData {
    BytesView rp_id_hash;
    bool user_present = false;     ///< UP
    bool user_verified = false;    ///< UV
    bool backup_eligible = false;  ///< BE
    bool backed_up = false;        ///< BS
    std::uint32_t sign_count = 0;
    std::optional<AttestedCredential> credential;  ///< AT
};

/// Refuses with `bad_request` what is not of the form that its flags announce, and bytes beyond it.
/// Extensions (ED) must be a CBOR map; what they say is ignored, as nothing of it was asked for.
Result<AuthenticatorData> parse_authenticator_data(BytesView bytes);

}  // namespace divan::auth::webauthn
