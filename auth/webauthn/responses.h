#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/error.h"
#include "storage/base/json.h"

namespace divan::auth::webauthn {

/// What a browser answers to `navigator.credentials.create` (RegistrationResponseJSON, WebAuthn
/// section 5.1.3), base64url taken off.
struct RegistrationResponse {
    Bytes credential_id;
    Bytes client_data_json;
    Bytes attestation_object;
    std::vector<std::string> transports;  ///< Names of the form that WebAuthn's are of; 8 at most.
};

/// What it answers to `navigator.credentials.get` (AuthenticationResponseJSON).
struct AuthenticationResponse {
    Bytes credential_id;
    Bytes client_data_json;
    Bytes authenticator_data;
    Bytes signature;
    std::optional<Bytes> user_handle;
};

/// Both refuse with `bad_request` and the name of the member that is missing or wrong. `id` and
/// `rawId` are to be the same.
Result<RegistrationResponse> parse_registration_response(const JsonValue& json);
Result<AuthenticationResponse> parse_authentication_response(const JsonValue& json);

}  // namespace divan::auth::webauthn
