#include "test/auth/webauthn/software_authenticator.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include <fmt/format.h>

#include "storage/base/crypto.h"
#include "storage/base/digest.h"
#include "storage/base/random.h"

namespace divan::test {
namespace {

void require(bool done) {
    if (!done) throw std::runtime_error("OpenSSL failed");
}

const unsigned char* data_of(BytesView bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

Bytes octets(EVP_PKEY* key, const char* name) {
    Bytes bytes(1024, '\0');
    std::size_t size = 0;
    require(EVP_PKEY_get_octet_string_param(key, name,
                                            reinterpret_cast<unsigned char*>(bytes.data()),
                                            bytes.size(), &size) == 1);
    bytes.resize(size);
    return bytes;
}

Bytes number(EVP_PKEY* key, const char* name) {
    BIGNUM* value = nullptr;
    require(EVP_PKEY_get_bn_param(key, name, &value) == 1);
    Bytes bytes(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
    BN_bn2bin(value, reinterpret_cast<unsigned char*>(bytes.data()));
    BN_free(value);
    return bytes;
}

EVP_PKEY* generate(Algorithm algorithm) {
    constexpr std::size_t rsa_bits = 2048;
    switch (algorithm) {
        case Algorithm::es256:
            return EVP_EC_gen("P-256");
        case Algorithm::es384:
            return EVP_EC_gen("P-384");
        case Algorithm::es512:
            return EVP_EC_gen("P-521");
        case Algorithm::eddsa:
            return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
        case Algorithm::rs256:
            return EVP_RSA_gen(rsa_bits);
    }
    return nullptr;
}

const char* digest_of(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::eddsa:
            return nullptr;
        case Algorithm::es384:
            return "SHA384";
        case Algorithm::es512:
            return "SHA512";
        default:
            return "SHA256";
    }
}

std::string quoted(std::string_view name, BytesView bytes) {
    return fmt::format(R"("{}":"{}")", name, base64url_encode(bytes));
}

}  // namespace

Bytes cbor_head(unsigned major, std::uint64_t argument) {
    const auto first = [&](unsigned low) { return static_cast<char>(major << 5 | low); };
    if (argument < 24) return Bytes(1, first(static_cast<unsigned>(argument)));
    const unsigned size = argument <= 0xff          ? 0
                          : argument <= 0xffff      ? 1
                          : argument <= 0xffff'ffff ? 2
                                                    : 3;
    Bytes head(1, first(24 + size));
    for (int shift = (8 << size) - 8; shift >= 0; shift -= 8) {
        head.push_back(static_cast<char>(argument >> shift));
    }
    return head;
}

Bytes cbor_number(std::int64_t number) {
    if (number < 0) return cbor_head(1, static_cast<std::uint64_t>(-1 - number));
    return cbor_head(0, static_cast<std::uint64_t>(number));
}

Bytes cbor_bytes(BytesView bytes) {
    return cbor_head(2, bytes.size()).append(bytes);
}

Bytes cbor_text(std::string_view text) {
    return cbor_head(3, text.size()).append(text);
}

KeyPair::KeyPair(Algorithm algorithm)
    : algorithm_(algorithm), key_(generate(algorithm), EVP_PKEY_free) {
    require(key_ != nullptr);
}

Bytes KeyPair::cose() const {
    const auto alg = cbor_number(3) + cbor_number(static_cast<std::int64_t>(algorithm_));
    const auto member = [](std::int64_t label, const Bytes& value) {
        return cbor_number(label) + value;
    };
    const auto form = [&](std::uint64_t members, std::int64_t kty) {
        return cbor_head(5, members) + member(1, cbor_number(kty)) + alg;
    };
    if (algorithm_ == Algorithm::rs256) {
        return form(4, 3) + member(-1, cbor_bytes(number(key_.get(), OSSL_PKEY_PARAM_RSA_N))) +
               member(-2, cbor_bytes(number(key_.get(), OSSL_PKEY_PARAM_RSA_E)));
    }
    const auto point = octets(key_.get(), OSSL_PKEY_PARAM_PUB_KEY);
    if (algorithm_ == Algorithm::eddsa) {
        return form(4, 1) + member(-1, cbor_number(6)) + member(-2, cbor_bytes(point));
    }
    const auto half = (point.size() - 1) / 2;
    const std::int64_t curve = algorithm_ == Algorithm::es256   ? 1
                               : algorithm_ == Algorithm::es384 ? 2
                                                                : 3;
    return form(5, 2) + member(-1, cbor_number(curve)) +
           member(-2, cbor_bytes(point.substr(1, half))) +
           member(-3, cbor_bytes(point.substr(1 + half)));
}

Bytes KeyPair::sign(BytesView message) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    Bytes signature(1024, '\0');
    std::size_t size = signature.size();
    require(EVP_DigestSignInit_ex(context, nullptr, digest_of(algorithm_), nullptr, nullptr,
                                  key_.get(), nullptr) == 1);
    require(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                           data_of(message), message.size()) == 1);
    EVP_MD_CTX_free(context);
    signature.resize(size);
    return signature;
}

SoftwareAuthenticator::SoftwareAuthenticator(Algorithm algorithm)
    : id(random_bytes(32)),
      attest([](BytesView, BytesView) {
          return Statement{"none", cbor_head(5, 0)};
      }),
      key_(algorithm) {
    cose = key_.cose();
}

Bytes SoftwareAuthenticator::authenticator_data(bool with_credential) const {
    constexpr std::uint8_t at = 0x40;
    Bytes data = sha256(rp_id);
    ByteWriter writer(data);
    writer.u8(with_credential ? flags | at : flags);
    writer.u32(counter);
    if (!with_credential) return data;
    writer.raw(aaguid);
    writer.u8(static_cast<std::uint8_t>(id.size() >> 8));
    writer.u8(static_cast<std::uint8_t>(id.size()));
    writer.raw(id);
    writer.raw(cose);
    return data;
}

std::string SoftwareAuthenticator::client_data(std::string_view type,
                                               std::string_view challenge) const {
    return fmt::format(R"({{"type":"{}","challenge":"{}","origin":"{}"{}}})", type, challenge,
                       origin, more_client_data);
}

std::string SoftwareAuthenticator::create(std::string_view challenge) const {
    const auto client = client_data("webauthn.create", challenge);
    const auto data = authenticator_data(true);
    const auto statement = attest(data, sha256(client));
    const auto object = cbor_head(5, 3) + cbor_text("fmt") + cbor_text(statement.format) +
                        cbor_text("attStmt") + statement.cbor + cbor_text("authData") +
                        cbor_bytes(data);
    return fmt::format(R"({{{},{},"type":"public-key","clientExtensionResults":{{}},"response":)"
                       R"({{{},{},"transports":["internal","hybrid"]}}}})",
                       quoted("id", id), quoted("rawId", id), quoted("clientDataJSON", client),
                       quoted("attestationObject", object));
}

std::string SoftwareAuthenticator::get(std::string_view challenge,
                                       std::string_view user_handle_base64url) const {
    const auto client = client_data("webauthn.get", challenge);
    const auto data = authenticator_data(false);
    const auto signature = key_.sign(Bytes(data).append(sha256(client)));
    const auto handle = user_handle_base64url.empty()
                            ? std::string()
                            : fmt::format(R"(,"userHandle":"{}")", user_handle_base64url);
    return fmt::format(R"({{{},{},"type":"public-key","clientExtensionResults":{{}},"response":)"
                       R"({{{},{},{}{}}}}})",
                       quoted("id", id), quoted("rawId", id), quoted("clientDataJSON", client),
                       quoted("authenticatorData", data), quoted("signature", signature), handle);
}

Bytes make_certificate(const KeyPair& key, const CertificateForm& form) {
    constexpr long day = 24 * 60 * 60;
    const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
    X509* certificate = made.get();
    require(X509_set_version(certificate, form.version) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -day);
    X509_gmtime_adj(X509_getm_notAfter(certificate), day);
    X509_set_pubkey(certificate, key.handle());
    auto* subject = X509_get_subject_name(certificate);
    const auto entry = [&](const char* kind, const std::string& text) {
        if (text.empty()) return;
        require(X509_NAME_add_entry_by_txt(subject, kind, MBSTRING_UTF8, data_of(text), -1, -1,
                                           0) == 1);
    };
    entry("C", form.country);
    entry("O", form.organisation);
    entry("OU", form.unit);
    entry("CN", form.name);
    X509_set_issuer_name(certificate, subject);
    const auto extend = [&](int nid, const std::string& value) {
        auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
        require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
        X509_EXTENSION_free(extension);
    };
    if (!form.basic_constraints.empty()) extend(NID_basic_constraints, form.basic_constraints);
    if (!form.aaguid.empty()) {
        const auto value =
            Bytes("\x04").append(1, static_cast<char>(form.aaguid.size())) + form.aaguid;
        auto* oid = OBJ_txt2obj("1.3.6.1.4.1.45724.1.1.4", 1);
        auto* text = ASN1_OCTET_STRING_new();
        ASN1_OCTET_STRING_set(text, data_of(value), static_cast<int>(value.size()));
        auto* extension = X509_EXTENSION_create_by_OBJ(nullptr, oid, form.aaguid_critical, text);
        require(X509_add_ext(certificate, extension, -1) == 1);
        X509_EXTENSION_free(extension);
        ASN1_OCTET_STRING_free(text);
        ASN1_OBJECT_free(oid);
    }
    require(X509_sign(certificate, key.handle(), EVP_sha256()) > 0);
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    require(size > 0);
    const Bytes bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return bytes;
}

}  // namespace divan::test
