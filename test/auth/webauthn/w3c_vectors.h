#pragma once

#include <vector>

namespace divan::auth::webauthn {

/// A registration and a sign-in with the same credential, as the specification prints them. All
/// hexadecimal but the client data. The site is "example.org".
struct W3cVector {
    const char* name;
    const char* registration_challenge;
    const char* registration_client_data;
    const char* attestation_object;
    const char* authentication_challenge;
    const char* authentication_client_data;
    const char* authenticator_data;
    const char* signature;
};

extern const std::vector<W3cVector> w3c_none_vectors;
extern const std::vector<W3cVector> w3c_packed_vectors;
extern const std::vector<W3cVector> w3c_other_vectors;

}  // namespace divan::auth::webauthn
