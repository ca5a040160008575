#include "auth/webauthn/ceremony.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "storage/base/crypto.h"
#include "storage/base/digest.h"
#include "test/auth/webauthn/software_authenticator.h"

namespace divan::auth::webauthn {
namespace {

using test::SoftwareAuthenticator;

const std::string challenge = base64url_encode("a challenge of the server's own");

Expectation expectation() {
    return {
        base64url_decode(challenge).value(),
        "example.org",
        {"https://example.org", "https://app.example.org:8443"},
        {                     },
        true
    };
}

Result<Registration> registered(const SoftwareAuthenticator& authenticator,
                                const Expectation& expected) {
    const auto json = parse_json(authenticator.create(challenge)).value();
    return verify_registration(parse_registration_response(json).value(), expected);
}

AuthenticationResponse assertion(const SoftwareAuthenticator& authenticator) {
    const auto json = parse_json(authenticator.get(challenge)).value();
    return parse_authentication_response(json).value();
}

Result<Authentication> authenticated(const SoftwareAuthenticator& authenticator,
                                     const CredentialState& credential) {
    const auto response = assertion(authenticator);
    const auto data = check_assertion(response, expectation());
    if (!data) return data.error();
    return verify_assertion(response, *data, credential);
}

template <class T>
std::string refusal_of(const Result<T>& done) {
    return done ? std::string("(accepted)") : done.error().reason;
}

}  // namespace

TEST_CASE("ceremonies: registration and sign-in with every algorithm") {
    for (const auto algorithm : offered_algorithms) {
        CAPTURE(static_cast<int>(algorithm));
        SoftwareAuthenticator authenticator(algorithm);
        authenticator.counter = 1;
        const auto registration = registered(authenticator, expectation());
        REQUIRE(registration.has_value());
        CHECK(registration->credential_id == authenticator.id);
        CHECK(registration->aaguid == authenticator.aaguid);
        CHECK(registration->algorithm == algorithm);
        CHECK(registration->attestation == AttestationType::none);
        CHECK(registration->sign_count == 1);
        CHECK(registration->user_verified);
        CHECK(registration->backup_eligible);
        CHECK(registration->backed_up);
        authenticator.counter = 2;
        authenticator.flags = 0x0d;  // not backed up any more
        const auto done = authenticated(authenticator,
                                        {registration->public_key, registration->sign_count, true});
        REQUIRE(done.has_value());
        CHECK(done->sign_count == 2);
        CHECK_FALSE(done->backed_up);
    }
}

TEST_CASE("ceremonies: each check of registration refuses by itself") {
    const auto with = [](auto change) {
        SoftwareAuthenticator authenticator;
        auto expected = expectation();
        change(authenticator, expected);
        return refusal_of(registered(authenticator, expected));
    };
    CHECK(with([](auto&, auto&) {}) == "(accepted)");
    CHECK(with([](auto& a, auto&) { a.origin = "https://app.example.org:8443"; }) == "(accepted)");
    CHECK(with([](auto& a, auto&) { a.origin = "https://evil.example"; }) ==
          "The origin https://evil.example is not among those of [passkeys] origins.");
    CHECK(with([](auto& a, auto&) { a.origin = "https://example.org."; }) != "(accepted)");
    CHECK(with([](auto&, auto& e) { e.challenge = "another"; }) ==
          "The challenge is not the one that was given.");
    CHECK(with([](auto& a, auto&) { a.rp_id = "example.com"; }) ==
          "The passkey is of another site.");
    CHECK(with([](auto& a, auto&) { a.flags = 0x1c; }) == "The authenticator saw no user.");
    CHECK(with([](auto& a, auto&) { a.flags = 0x19; }) ==
          "The authenticator did not verify its user.");
    CHECK(with([](auto& a, auto& e) { a.flags = 0x19, e.user_verification = false; }) ==
          "(accepted)");
    CHECK(with([](auto& a, auto&) { a.flags = 0x15; }) ==
          "A passkey that cannot be backed up claims that it is.");
    CHECK(with([](auto& a, auto&) { a.id = Bytes(1023, 'i'); }) == "(accepted)");

    const std::string frame = "Passkeys are not for use in a frame of another origin.";
    const auto cross = [](auto& a, auto&) { a.more_client_data = R"(,"crossOrigin":true)"; };
    CHECK(with(cross) == frame);
    CHECK(with([](auto& a, auto& e) {
              a.more_client_data = R"(,"crossOrigin":true)";
              e.top_origins = {"https://top.example"};
          }) == "(accepted)");
    CHECK(with([](auto& a, auto&) {
              a.more_client_data = R"(,"topOrigin":"https://t.example")";
          }) == frame);
    CHECK(with([](auto& a, auto& e) {
              a.more_client_data = R"(,"crossOrigin":true,"topOrigin":"https://t.example")";
              e.top_origins = {"https://top.example"};
          }) == "The origin https://t.example is not among those of [passkeys] top_origins.");
    CHECK(with([](auto& a, auto&) { a.more_client_data = R"(,"crossOrigin":"no")"; }) ==
          "crossOrigin in the client data is no boolean.");
    CHECK(with([](auto& a, auto&) { a.more_client_data = R"(,"type":"webauthn.get")"; }) ==
          "The client data is not of type webauthn.create.");
}

TEST_CASE("ceremonies: the answer names the credential that the authenticator made") {
    SoftwareAuthenticator authenticator;
    const auto json = parse_json(authenticator.create(challenge)).value();
    auto response = parse_registration_response(json).value();
    response.credential_id = "another";
    CHECK(refusal_of(verify_registration(response, expectation())) ==
          "The credential is not the one that the answer names.");
}

TEST_CASE("ceremonies: client data may begin with a byte order mark, but is to be an object") {
    SoftwareAuthenticator authenticator;
    auto response = assertion(authenticator);
    const auto client_data = response.client_data_json;
    response.client_data_json = "\xef\xbb\xbf" + client_data;
    CHECK(refusal_of(check_assertion(response, expectation())) == "(accepted)");
    for (const std::string wrong : {"", "[]", "{", "{\"type\":1}", "null", "\xff\xfe{}"}) {
        response.client_data_json = wrong;
        CHECK(check_assertion(response, expectation()).has_error());
    }
    response.client_data_json = authenticator.client_data("webauthn.create", challenge);
    CHECK(refusal_of(check_assertion(response, expectation())) ==
          "The client data is not of type webauthn.get.");
}

TEST_CASE("ceremonies: the counter must grow, unless there is none") {
    struct Case {
        std::uint32_t stored, sent;
        bool accepted;
    };
    SoftwareAuthenticator authenticator;
    for (const auto& [stored, sent, accepted] : {
             Case{0, 0,           true },
             Case{0, 1,           true },
             Case{1, 2,           true },
             Case{5, 0xffff'ffff, true },
             Case{1, 1,           false},
             Case{2, 1,           false},
             Case{1, 0,           false}
    }) {
        CAPTURE(stored);
        CAPTURE(sent);
        authenticator.counter = sent;
        const auto done = authenticated(authenticator, {authenticator.cose, stored, true});
        CHECK(done.has_value() == accepted);
        if (!accepted) CHECK(done.error().code == Code::forbidden);
    }
}

TEST_CASE("ceremonies: a wrong signature or changed backup eligibility is refused") {
    SoftwareAuthenticator authenticator, other;
    CHECK(authenticated(authenticator, {other.cose, 0, true}).error().code == Code::unauthorized);
    CHECK(refusal_of(authenticated(authenticator, {authenticator.cose, 0, false})) ==
          "The passkey's backup eligibility has changed.");
}

// Strategy: true answers whose attestation object or authenticator data has bytes changed or cut.
// Invariants: an answer, never a crash; a changed assertion is never accepted.
TEST_CASE("ceremonies: survive changed bytes") {
    std::mt19937 random(11);
    SoftwareAuthenticator authenticator;
    const auto json = parse_json(authenticator.create(challenge)).value();
    const auto registration = parse_registration_response(json).value();
    const auto sign_in = assertion(authenticator);
    const auto change = [&](Bytes& bytes) {
        if (random() % 4 == 0) bytes.resize(random() % bytes.size());
        if (bytes.empty()) return;
        bytes[random() % bytes.size()] ^= static_cast<char>(1 + random() % 255);
    };
    for (int round = 0; round < 3000; ++round) {
        auto changed = registration;
        change(changed.attestation_object);
        static_cast<void>(verify_registration(changed, expectation()));

        auto assertion = sign_in;
        change(assertion.authenticator_data);
        const auto data = check_assertion(assertion, expectation());
        if (!data) continue;
        REQUIRE(verify_assertion(assertion, *data, {authenticator.cose, 0, true}).has_error());
    }
}

}  // namespace divan::auth::webauthn
