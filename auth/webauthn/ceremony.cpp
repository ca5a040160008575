#include "auth/webauthn/ceremony.h"

#include <algorithm>

#include <fmt/format.h>

#include "auth/webauthn/client_data.h"
#include "storage/base/crypto.h"
#include "storage/base/digest.h"

namespace divan::auth::webauthn {
namespace {

[[noreturn]] void refuse(std::string reason) {
    throw Refused(Code::bad_request, std::move(reason));
}

bool contains(const std::vector<std::string>& list, const std::string& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

// An origin for a message; what is none in its length is not repeated.
std::string_view shown(std::string_view origin) {
    constexpr std::size_t origin_bytes_max = 270;
    return origin.size() <= origin_bytes_max ? origin : "(too long)";
}

// Steps 5 to 11 of section 7.1, 9 to 14 of 7.2.
void check_client_data(BytesView json, std::string_view type, const Expectation& expected) {
    const auto data = parse_client_data(json).value();
    if (data.type != type) refuse(fmt::format("The client data is not of type {}.", type));
    if (!equal_in_constant_time(data.challenge, base64url_encode(expected.challenge))) {
        refuse("The challenge is not the one that was given.");
    }
    if (!contains(expected.origins, data.origin)) {
        refuse(fmt::format("The origin {} is not among those of [passkeys] origins.",
                           shown(data.origin)));
    }
    if ((data.cross_origin || data.top_origin) && expected.top_origins.empty()) {
        refuse("Passkeys are not for use in a frame of another origin.");
    }
    if (data.top_origin && !contains(expected.top_origins, *data.top_origin)) {
        refuse(fmt::format("The origin {} is not among those of [passkeys] top_origins.",
                           shown(*data.top_origin)));
    }
}

// Steps 14 to 17 of section 7.1, 15 to 18 of 7.2.
void check_authenticator_data(const AuthenticatorData& data, const Expectation& expected) {
    if (data.rp_id_hash != sha256(expected.rp_id)) refuse("The passkey is of another site.");
    if (!data.user_present) refuse("The authenticator saw no user.");
    if (expected.user_verification && !data.user_verified) {
        refuse("The authenticator did not verify its user.");
    }
    if (data.backed_up && !data.backup_eligible) {
        refuse("A passkey that cannot be backed up claims that it is.");
    }
}

Registration registered(const RegistrationResponse& response, const Expectation& expected) {
    check_client_data(response.client_data_json, "webauthn.create", expected);
    const auto object = parse_attestation_object(response.attestation_object).value();
    const auto data = parse_authenticator_data(object.authenticator_data).value();
    check_authenticator_data(data, expected);
    if (!data.credential) refuse("The authenticator data has no new credential.");
    const auto& credential = *data.credential;
    if (credential.id != response.credential_id) {
        refuse("The credential is not the one that the answer names.");
    }
    const auto key = PublicKey::from_cose(credential.public_key).value();
    const auto attestation =
        verify_attestation(object, data, key, sha256(response.client_data_json)).value();
    return {Bytes(credential.id), Bytes(credential.public_key), key.algorithm(),
            attestation,          Bytes(credential.aaguid),     data.sign_count,
            data.user_verified,   data.backup_eligible,         data.backed_up};
}

}  // namespace

Result<Registration> verify_registration(const RegistrationResponse& response,
                                         const Expectation& expected) {
    try {
        return registered(response, expected);
    } catch (const Refused& refused) {
        return refused.error();
    }
}

Result<AuthenticatorData> check_assertion(const AuthenticationResponse& response,
                                          const Expectation& expected) {
    try {
        check_client_data(response.client_data_json, "webauthn.get", expected);
        const auto data = parse_authenticator_data(response.authenticator_data).value();
        check_authenticator_data(data, expected);
        return data;
    } catch (const Refused& refused) {
        return refused.error();
    }
}

Result<Authentication> verify_assertion(const AuthenticationResponse& response,
                                        const AuthenticatorData& data,
                                        const CredentialState& credential) {
    const auto key = PublicKey::from_cose(credential.public_key);
    if (!key) return key.error();
    const auto message =
        Bytes(response.authenticator_data).append(sha256(response.client_data_json));
    if (!key->verify(response.signature, message)) {
        return Error{Code::unauthorized, "The passkey was not accepted.", {}};
    }
    if (data.backup_eligible != credential.backup_eligible) {
        return Error{Code::forbidden, "The passkey's backup eligibility has changed.", {}};
    }
    const bool counts = data.sign_count != 0 || credential.sign_count != 0;
    if (counts && data.sign_count <= credential.sign_count) {
        return Error{
            Code::forbidden, "The passkey's counter went back: there may be a copy of it.", {}};
    }
    return Authentication{data.sign_count, data.user_verified, data.backed_up};
}

}  // namespace divan::auth::webauthn
