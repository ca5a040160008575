#include "auth/webauthn/certificate.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <string>

namespace divan::auth::webauthn {
namespace {

constexpr std::size_t certificate_bytes_max = 16U << 10;
constexpr long version_3 = 2;                                        // as X.509 counts
constexpr const char* aaguid_extension = "1.3.6.1.4.1.45724.1.1.4";  // id-fido-gen-ce-aaguid
constexpr std::string_view attestation_unit = "Authenticator Attestation";

Error bad(const char* reason) {
    ERR_clear_error();
    return {Code::bad_request, reason, {}};
}

BytesView view_of(const ASN1_STRING* text) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

// The only entry of the kind, where its type is among the allowed ones; else null.
const ASN1_STRING* subject_entry(const X509_NAME* subject, int nid, unsigned long types) {
    const int first = X509_NAME_get_index_by_NID(subject, nid, -1);
    if (first < 0 || X509_NAME_get_index_by_NID(subject, nid, first) >= 0) return nullptr;
    const auto* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first));
    const bool allowed = (ASN1_tag2bit(ASN1_STRING_type(text)) & types) != 0;
    return allowed && ASN1_STRING_length(text) > 0 ? text : nullptr;
}

// The specification asks for UTF8String; makers of authenticators write PrintableString too.
Result<void> check_subject(const X509* certificate) {
    constexpr unsigned long texts = B_ASN1_UTF8STRING | B_ASN1_PRINTABLESTRING;
    constexpr std::size_t country_bytes = 2;
    const auto* subject = X509_get_subject_name(certificate);
    const auto* country = subject_entry(subject, NID_countryName, texts);
    if (country == nullptr || view_of(country).size() != country_bytes) {
        return bad("The attestation certificate's subject names no country.");
    }
    if (subject_entry(subject, NID_organizationName, texts) == nullptr ||
        subject_entry(subject, NID_commonName, texts) == nullptr) {
        return bad("The attestation certificate's subject names no organisation, or none itself.");
    }
    const auto* unit = subject_entry(subject, NID_organizationalUnitName, texts);
    if (unit == nullptr || view_of(unit) != attestation_unit) {
        return bad("The attestation certificate's unit is not \"Authenticator Attestation\".");
    }
    return {};
}

Result<void> check_no_authority(const X509* certificate) {
    int critical = 0;
    const std::unique_ptr<BASIC_CONSTRAINTS, decltype(&BASIC_CONSTRAINTS_free)> constraints(
        static_cast<BASIC_CONSTRAINTS*>(
            X509_get_ext_d2i(certificate, NID_basic_constraints, &critical, nullptr)),
        BASIC_CONSTRAINTS_free);
    if (!constraints) return bad("The attestation certificate lacks its basic constraints.");
    if (constraints->ca != 0) return bad("The attestation certificate is an authority's.");
    return {};
}

// The extension's value is an octet string in an octet string: 4, 16, then the model's number.
Result<void> check_aaguid(const X509* certificate, BytesView aaguid) {
    const std::unique_ptr<ASN1_OBJECT, decltype(&ASN1_OBJECT_free)> oid(
        OBJ_txt2obj(aaguid_extension, 1), ASN1_OBJECT_free);
    const int first = X509_get_ext_by_OBJ(certificate, oid.get(), -1);
    if (first < 0) return {};
    if (X509_get_ext_by_OBJ(certificate, oid.get(), first) >= 0) {
        return bad("The attestation certificate names its model twice.");
    }
    auto* extension = X509_get_ext(certificate, first);
    if (X509_EXTENSION_get_critical(extension) != 0) {
        return bad("The attestation certificate names its model in a critical extension.");
    }
    if (view_of(X509_EXTENSION_get_data(extension)) != std::string("\x04\x10").append(aaguid)) {
        return bad("The attestation certificate is for another model of authenticator.");
    }
    return {};
}

}  // namespace

Result<Certificate> Certificate::parse(BytesView der) {
    if (der.size() > certificate_bytes_max) return bad("The attestation certificate is too big.");
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const auto* const end = at + der.size();
    std::shared_ptr<X509> handle(d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free);
    if (!handle || at != end) return bad("The attestation certificate is no X.509 certificate.");
    return Certificate(std::move(handle));
}

Result<PublicKey> Certificate::key(Algorithm algorithm) const {
    return PublicKey::from_key({X509_get_pubkey(handle_.get()), EVP_PKEY_free}, algorithm);
}

Result<void> Certificate::check_for_packed(BytesView aaguid) const {
    if (X509_get_version(handle_.get()) != version_3) {
        return bad("The attestation certificate is not of version 3.");
    }
    auto checked = check_subject(handle_.get());
    if (checked) checked = check_no_authority(handle_.get());
    if (checked) checked = check_aaguid(handle_.get(), aaguid);
    return checked;
}

}  // namespace divan::auth::webauthn
