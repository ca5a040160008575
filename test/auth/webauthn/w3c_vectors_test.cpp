#include "test/auth/webauthn/w3c_vectors.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <string_view>

#include "auth/webauthn/ceremony.h"
#include "storage/base/crypto.h"
#include "storage/base/digest.h"

namespace divan::auth::webauthn {
namespace {

Bytes bytes(std::string_view hex) {
    return hex_decode(hex).value();
}

Expectation expectation(const char* challenge) {
    return {
        bytes(challenge), "example.org", {"https://example.org"}, {"https://example.com"}, false};
}

Bytes credential_id(const W3cVector& vector) {
    const auto attestation = bytes(vector.attestation_object);
    const auto object = parse_attestation_object(attestation).value();
    return Bytes(parse_authenticator_data(object.authenticator_data).value().credential->id);
}

Result<Registration> registered(const W3cVector& vector) {
    return verify_registration({credential_id(vector),
                                vector.registration_client_data,
                                bytes(vector.attestation_object),
                                {}},
                               expectation(vector.registration_challenge));
}

Result<Authentication> authenticated(const W3cVector& vector, const CredentialState& credential) {
    const AuthenticationResponse response{credential_id(vector), vector.authentication_client_data,
                                          bytes(vector.authenticator_data), bytes(vector.signature),
                                          std::nullopt};
    const auto data = check_assertion(response, expectation(vector.authentication_challenge));
    if (!data) return data.error();
    return verify_assertion(response, *data, credential);
}

void check_both(const W3cVector& vector, AttestationType type, Algorithm algorithm) {
    CAPTURE(vector.name);
    const auto registration = registered(vector);
    REQUIRE_MESSAGE(registration.has_value(), registration.error().reason);
    CHECK(registration->attestation == type);
    CHECK(registration->algorithm == algorithm);
    const auto authentication = authenticated(
        vector,
        {registration->public_key, registration->sign_count, registration->backup_eligible});
    CHECK_MESSAGE(authentication.has_value(), authentication.error().reason);
}

}  // namespace

TEST_CASE("W3C test vectors: no attestation and self attestation, with every variant") {
    for (const auto& vector : w3c_none_vectors) {
        const bool self = std::string_view(vector.name) == "packed-self-es256";
        check_both(vector, self ? AttestationType::self : AttestationType::none, Algorithm::es256);
    }
    CHECK(w3c_none_vectors.size() == 5);
}

TEST_CASE("W3C test vectors: packed attestation, every algorithm") {
    const std::map<std::string_view, Algorithm> algorithms = {
        {"packed-es256", Algorithm::es256},
        {"packed-es384", Algorithm::es384},
        {"packed-es512", Algorithm::es512},
        {"packed-rs256", Algorithm::rs256},
        {"packed-eddsa", Algorithm::eddsa},
    };
    CHECK(w3c_packed_vectors.size() == algorithms.size());
    for (const auto& vector : w3c_packed_vectors) {
        check_both(vector, AttestationType::basic, algorithms.at(vector.name));
    }
}

TEST_CASE("W3C test vectors: FIDO U2F passes; TPM, Android, Apple and Ed448 are refused by name") {
    const std::map<std::string_view, std::string_view> refusals = {
        {"tpm-es256",         "Attestation of the format \"tpm\" is not accepted."        },
        {"android-key-es256", "Attestation of the format \"android-key\" is not accepted."},
        {"apple-es256",       "Attestation of the format \"apple\" is not accepted."      },
        {"packed-ed448",      "The algorithm -53 is not supported."                       },
    };
    CHECK(w3c_other_vectors.size() == refusals.size() + 1);
    for (const auto& vector : w3c_other_vectors) {
        CAPTURE(vector.name);
        const auto refused = refusals.find(vector.name);
        if (refused == refusals.end()) {
            check_both(vector, AttestationType::basic, Algorithm::es256);
            continue;
        }
        const auto registration = registered(vector);
        REQUIRE(registration.has_error());
        CHECK(registration.error().reason == refused->second);
    }
}

TEST_CASE("W3C test vectors: one bit changed anywhere that is signed, and none passes") {
    for (const auto* vectors : {&w3c_none_vectors, &w3c_packed_vectors}) {
        for (const auto& vector : *vectors) {
            CAPTURE(vector.name);
            const auto registration = registered(vector).value();
            const CredentialState credential{registration.public_key, registration.sign_count,
                                             registration.backup_eligible};
            const auto expected = expectation(vector.authentication_challenge);
            const AuthenticationResponse right{
                credential_id(vector), vector.authentication_client_data,
                bytes(vector.authenticator_data), bytes(vector.signature), std::nullopt};
            const auto data = check_assertion(right, expected).value();

            auto changed = right;
            changed.signature[changed.signature.size() / 2] ^= 1;
            CHECK(verify_assertion(changed, data, credential).error().code == Code::unauthorized);
            changed = right;
            changed.authenticator_data.back() ^= 1;
            CHECK(verify_assertion(changed, data, credential).error().code == Code::unauthorized);
            changed = right;
            changed.client_data_json += ' ';
            CHECK(verify_assertion(changed, data, credential).error().code == Code::unauthorized);
        }
    }
}

}  // namespace divan::auth::webauthn
