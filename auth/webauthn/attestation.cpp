#include "auth/webauthn/attestation.h"

#include <fmt/format.h>

#include "auth/webauthn/certificate.h"

namespace divan::auth::webauthn {
namespace {

constexpr std::size_t certificates_max = 8;

Error bad(std::string reason) {
    return {Code::bad_request, std::move(reason), {}};
}

struct Attested {
    const CborValue& statement;
    BytesView authenticator_data;
    const AuthenticatorData& data;
    const PublicKey& key;
    BytesView client_data_hash;

    Bytes signed_bytes() const { return Bytes(authenticator_data).append(client_data_hash); }
    BytesView signature() const {
        const auto* sig = statement.find("sig");
        const auto bytes = sig != nullptr ? sig->bytes() : std::nullopt;
        if (!bytes) throw Refused(Code::bad_request, "The attestation has no signature.");
        return *bytes;
    }
};

// Every certificate is read, the chain's too: what is not used must still be of its form.
Certificate first_certificate(const CborValue& x5c) {
    const auto chain = x5c.items();
    if (chain.empty() || chain.size() > certificates_max) {
        throw Refused(Code::bad_request, "The attestation has no certificate, or too many.");
    }
    for (const auto& item : chain) {
        if (!item.bytes()) throw Refused(Code::bad_request, "x5c holds other than certificates.");
        Certificate::parse(*item.bytes()).value();
    }
    return Certificate::parse(*chain.front().bytes()).value();
}

void check_signature(const PublicKey& key, BytesView signature, BytesView message) {
    if (key.verify(signature, message)) return;
    throw Refused(Code::bad_request, "The attestation's signature is wrong.");
}

// WebAuthn section 8.7.
AttestationType verify_none(const Attested& attested) {
    if (attested.statement.members().empty()) return AttestationType::none;
    throw Refused(Code::bad_request, "An attestation \"none\" has an empty statement.");
}

// WebAuthn section 8.2.
AttestationType verify_packed(const Attested& attested) {
    const auto& statement = attested.statement;
    const auto* alg = statement.find("alg");
    const auto number = alg != nullptr ? alg->integer() : std::nullopt;
    const auto* x5c = statement.find("x5c");
    if (!number || statement.members().size() != (x5c == nullptr ? 2U : 3U)) {
        throw Refused(Code::bad_request, "A packed attestation has alg, sig and perhaps x5c.");
    }
    const auto algorithm = algorithm_of(*number).value();
    if (x5c == nullptr) {
        if (algorithm != attested.key.algorithm()) {
            throw Refused(Code::bad_request, "The attestation's algorithm is not its key's.");
        }
        check_signature(attested.key, attested.signature(), attested.signed_bytes());
        return AttestationType::self;
    }
    const auto certificate = first_certificate(*x5c);
    const auto key = certificate.key(algorithm).value();
    check_signature(key, attested.signature(), attested.signed_bytes());
    certificate.check_for_packed(attested.data.credential->aaguid).value();
    return AttestationType::basic;
}

// WebAuthn section 8.6.
AttestationType verify_fido_u2f(const Attested& attested) {
    const auto* x5c = attested.statement.find("x5c");
    if (x5c == nullptr || x5c->items().size() != 1 || attested.statement.members().size() != 2) {
        throw Refused(Code::bad_request, "A fido-u2f attestation has one certificate, and sig.");
    }
    if (attested.key.algorithm() != Algorithm::es256) {
        throw Refused(Code::bad_request, "A fido-u2f attestation is for keys of ES256 only.");
    }
    const auto key = first_certificate(*x5c).key(Algorithm::es256).value();
    const Bytes message = Bytes(1, '\0')
                              .append(attested.data.rp_id_hash)
                              .append(attested.client_data_hash)
                              .append(attested.data.credential->id)
                              .append(attested.key.uncompressed_point());
    check_signature(key, attested.signature(), message);
    return AttestationType::basic;
}

}  // namespace

Result<AttestationObject> parse_attestation_object(BytesView bytes) {
    // The client puts this map together, and not every one sorts its keys.
    const auto parsed = parse_cbor(bytes, CborOrder::any);
    if (!parsed) return parsed.error();
    const auto* format = parsed->find("fmt");
    const auto* statement = parsed->find("attStmt");
    const auto* data = parsed->find("authData");
    if (format == nullptr || !format->text() || statement == nullptr || !statement->is_map() ||
        data == nullptr || !data->bytes()) {
        return bad("The attestation object lacks fmt, attStmt or authData.");
    }
    return AttestationObject{*format->text(), *statement, *data->bytes()};
}

Result<AttestationType> verify_attestation(const AttestationObject& object,
                                           const AuthenticatorData& data, const PublicKey& key,
                                           BytesView client_data_hash) {
    DIVAN_CHECK(data.credential.has_value());
    const Attested attested{object.statement, object.authenticator_data, data, key,
                            client_data_hash};
    try {
        if (object.format == "none") return verify_none(attested);
        if (object.format == "packed") return verify_packed(attested);
        if (object.format == "fido-u2f") return verify_fido_u2f(attested);
    } catch (const Refused& refused) {
        return refused.error();
    }
    constexpr std::size_t identifier_bytes_max = 32;  // WebAuthn section 8.1
    const bool is_identifier = object.format.size() <= identifier_bytes_max;
    return bad(fmt::format("Attestation of the format \"{}\" is not accepted.",
                           is_identifier ? object.format : "(too long)"));
}

}  // namespace divan::auth::webauthn
