#include "auth/webauthn/attestation.h"

#include <doctest/doctest.h>

#include <string>

#include "auth/webauthn/ceremony.h"
#include "auth/webauthn/certificate.h"
#include "storage/base/crypto.h"
#include "storage/base/digest.h"
#include "test/auth/webauthn/software_authenticator.h"

namespace divan::auth::webauthn {
namespace {

using test::cbor_bytes;
using test::cbor_head;
using test::cbor_number;
using test::cbor_text;
using test::CertificateForm;
using test::KeyPair;
using test::SoftwareAuthenticator;

const std::string challenge = base64url_encode("a challenge of the server's own");

Result<Registration> registered(const SoftwareAuthenticator& authenticator) {
    const auto json = parse_json(authenticator.create(challenge)).value();
    return verify_registration(
        parse_registration_response(json).value(),
        {base64url_decode(challenge).value(), "example.org", {"https://example.org"}, {}, true});
}

std::string refusal_of(const SoftwareAuthenticator& authenticator) {
    const auto done = registered(authenticator);
    return done ? std::string("(accepted)") : done.error().reason;
}

Bytes packed(std::int64_t alg, BytesView signature, const Bytes& certificate) {
    return cbor_head(5, 3) + cbor_text("alg") + cbor_number(alg) + cbor_text("sig") +
           cbor_bytes(signature) + cbor_text("x5c") + cbor_head(4, 1) + cbor_bytes(certificate);
}

std::string packed_with(const CertificateForm& form) {
    SoftwareAuthenticator authenticator;
    const KeyPair maker(Algorithm::es256);
    const auto certificate = test::make_certificate(maker, form);
    authenticator.attest = [&](BytesView data, BytesView hash) {
        return SoftwareAuthenticator::Statement{
            "packed", packed(-7, maker.sign(Bytes(data).append(hash)), certificate)};
    };
    return refusal_of(authenticator);
}

}  // namespace

TEST_CASE("packed attestation: the certificate meets every requirement of section 8.2.1") {
    CertificateForm form;
    CHECK(packed_with(form) == "(accepted)");
    form.aaguid = Bytes(16, '\x2a');
    CHECK(packed_with(form) == "(accepted)");
    form.aaguid_critical = true;
    CHECK(packed_with(form) ==
          "The attestation certificate names its model in a critical extension.");
    form.aaguid_critical = false;
    const std::string other = "The attestation certificate is for another model of authenticator.";
    form.aaguid = Bytes(16, '\x2b');
    CHECK(packed_with(form) == other);
    form.aaguid = Bytes(15, '\x2a');
    CHECK(packed_with(form) == other);

    const auto changed = [](auto change) {
        CertificateForm wrong;
        change(wrong);
        return packed_with(wrong);
    };
    CHECK(changed([](auto& f) { f.version = 0, f.basic_constraints = ""; }) ==
          "The attestation certificate is not of version 3.");
    const std::string country = "The attestation certificate's subject names no country.";
    CHECK(changed([](auto& f) { f.country = ""; }) == country);
    const std::string subject =
        "The attestation certificate's subject names no organisation, or none itself.";
    CHECK(changed([](auto& f) { f.organisation = ""; }) == subject);
    CHECK(changed([](auto& f) { f.name = ""; }) == subject);
    const std::string unit =
        "The attestation certificate's unit is not \"Authenticator Attestation\".";
    CHECK(changed([](auto& f) { f.unit = ""; }) == unit);
    CHECK(changed([](auto& f) { f.unit = "authenticator attestation"; }) == unit);
    CHECK(changed([](auto& f) { f.basic_constraints = ""; }) ==
          "The attestation certificate lacks its basic constraints.");
    CHECK(changed([](auto& f) { f.basic_constraints = "critical,CA:TRUE"; }) ==
          "The attestation certificate is an authority's.");
}

TEST_CASE("packed attestation: a wrong statement is refused") {
    SoftwareAuthenticator authenticator;
    const KeyPair maker(Algorithm::es256), other(Algorithm::es256);
    const auto certificate = test::make_certificate(maker, {});
    const auto attest = [&](auto make) {
        authenticator.attest = [make](BytesView data, BytesView hash) {
            return SoftwareAuthenticator::Statement{"packed", make(Bytes(data).append(hash))};
        };
        return refusal_of(authenticator);
    };
    const std::string wrong_signature = "The attestation's signature is wrong.";
    CHECK(attest([&](const Bytes& message) {
              return packed(-7, other.sign(message), certificate);
          }) == wrong_signature);
    CHECK(attest([&](const Bytes& message) {
              return packed(-257, maker.sign(message), certificate);
          }) == "The public key is none of its algorithm.");
    CHECK(attest([&](const Bytes& message) {
              return packed(-7, maker.sign(message), certificate + '\0');
          }) == "The attestation certificate is no X.509 certificate.");
    CHECK(attest([&](const Bytes& message) {
              return packed(-7, maker.sign(message), "no certificate");
          }) == "The attestation certificate is no X.509 certificate.");

    const auto self = [](std::int64_t alg, BytesView signature) {
        return cbor_head(5, 2) + cbor_text("alg") + cbor_number(alg) + cbor_text("sig") +
               cbor_bytes(signature);
    };
    const auto& key = authenticator.key();
    CHECK(attest([&](const Bytes& message) { return self(-7, key.sign(message)); }) ==
          "(accepted)");
    CHECK(attest([&](const Bytes& message) { return self(-7, other.sign(message)); }) ==
          wrong_signature);
    CHECK(attest([&](const Bytes& message) { return self(-8, key.sign(message)); }) ==
          "The attestation's algorithm is not its key's.");
    const std::string members = "A packed attestation has alg, sig and perhaps x5c.";
    CHECK(attest([&](const Bytes&) { return cbor_head(5, 0); }) == members);
    CHECK(attest([&](const Bytes& message) {
              auto more = self(-7, key.sign(message));
              more[0] = '\xa3';
              return more + cbor_text("ecdaaKeyId") + cbor_bytes("id");
          }) == members);
}

TEST_CASE("fido-u2f attestation: one certificate of P-256, and the signature of U2F") {
    SoftwareAuthenticator authenticator;
    const KeyPair maker(Algorithm::es256), p384(Algorithm::es384);
    const auto attest = [&](const KeyPair& signer, std::uint64_t certificates) {
        authenticator.attest = [&, certificates](BytesView data, BytesView hash) {
            const auto& cose = authenticator.cose;
            const auto message = Bytes(1, '\0')
                                     .append(data.substr(0, 32))
                                     .append(hash)
                                     .append(authenticator.id)
                                     .append(1, '\4')
                                     .append(cose.substr(10, 32))
                                     .append(cose.substr(45, 32));
            Bytes chain = cbor_head(4, certificates);
            for (std::uint64_t i = 0; i < certificates; ++i) {
                chain += cbor_bytes(test::make_certificate(signer, {}));
            }
            return SoftwareAuthenticator::Statement{
                "fido-u2f", cbor_head(5, 2) + cbor_text("sig") + cbor_bytes(signer.sign(message)) +
                                cbor_text("x5c") + chain};
        };
        return refusal_of(authenticator);
    };
    CHECK(attest(maker, 1) == "(accepted)");
    CHECK(registered(authenticator)->attestation == AttestationType::basic);
    const std::string one = "A fido-u2f attestation has one certificate, and sig.";
    CHECK(attest(maker, 0) == one);
    CHECK(attest(maker, 2) == one);
    CHECK(attest(p384, 1) == "The public key is on another curve than its algorithm's.");
}

TEST_CASE("attestation: other formats are refused by name") {
    SoftwareAuthenticator authenticator;
    for (const std::string format :
         {"tpm", "android-key", "android-safetynet", "apple", "compound", "NONE", ""}) {
        authenticator.attest = [&](BytesView, BytesView) {
            return SoftwareAuthenticator::Statement{format, cbor_head(5, 0)};
        };
        CHECK(refusal_of(authenticator) ==
              "Attestation of the format \"" + format + "\" is not accepted.");
    }
    authenticator.attest = [](BytesView, BytesView) {
        return SoftwareAuthenticator::Statement{"none",
                                                cbor_head(5, 1) + cbor_text("a") + cbor_number(1)};
    };
    CHECK(refusal_of(authenticator) == "An attestation \"none\" has an empty statement.");
}

}  // namespace divan::auth::webauthn
