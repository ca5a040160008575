#include "auth/jwt_signature.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <cstring>
#include <string>

#include "auth/hmac.h"
#include "storage/base/crypto.h"
#include "storage/base/digest.h"

namespace divan::auth {
namespace {

constexpr JwtAlgorithm table[] = {
    {"HS256", "hmac",  "SHA256", nullptr,      0 },
    {"HS384", "hmac",  "SHA384", nullptr,      0 },
    {"HS512", "hmac",  "SHA512", nullptr,      0 },
    {"RS256", "rsa",   "SHA256", nullptr,      0 },
    {"RS384", "rsa",   "SHA384", nullptr,      0 },
    {"RS512", "rsa",   "SHA512", nullptr,      0 },
    {"ES256", "ec",    "SHA256", "prime256v1", 32},
    {"ES384", "ec",    "SHA384", "secp384r1",  48},
    {"ES512", "ec",    "SHA512", "secp521r1",  66},
    {"EdDSA", "eddsa", nullptr,  nullptr,      0 },
};

using KeyPointer = std::shared_ptr<EVP_PKEY>;

Error bad(std::string reason) {
    return Error{Code::bad_request, std::move(reason), {}};
}

const unsigned char* data_of(BytesView bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

HashAlgorithm hash_of(const JwtAlgorithm& algorithm) {
    if (algorithm.name == "HS256") return HashAlgorithm::sha256;
    return algorithm.name == "HS384" ? HashAlgorithm::sha384 : HashAlgorithm::sha512;
}

// Also "-----BEGIN RSA PUBLIC KEY-----" (PKCS #1), which the PEM functions leave out.
KeyPointer decode_pem(std::string_view text) {
    std::string pem(text);
    for (auto at = pem.find("\\n"); at != std::string::npos; at = pem.find("\\n", at)) {
        pem.replace(at, 2, "\n");
    }
    EVP_PKEY* key = nullptr;
    OSSL_DECODER_CTX* decoder = OSSL_DECODER_CTX_new_for_pkey(
        &key, "PEM", nullptr, nullptr, OSSL_KEYMGMT_SELECT_PUBLIC_KEY, nullptr, nullptr);
    const unsigned char* from = data_of(pem);
    std::size_t left = pem.size();
    if (decoder != nullptr) OSSL_DECODER_from_data(decoder, &from, &left);
    OSSL_DECODER_CTX_free(decoder);
    ERR_clear_error();
    return KeyPointer(key, EVP_PKEY_free);
}

bool is_of_family(const EVP_PKEY* key, std::string_view family) {
    if (family == "rsa") return EVP_PKEY_is_a(key, "RSA") == 1;
    if (family == "ec") return EVP_PKEY_is_a(key, "EC") == 1;
    return EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1;
}

std::string_view spelled(std::string_view family) {
    if (family == "rsa") return "RSA";
    return family == "ec" ? "EC" : "EdDSA";
}

bool is_on_curve(const EVP_PKEY* key, const char* curve) {
    char name[64];
    std::size_t size = 0;
    return EVP_PKEY_get_group_name(key, name, sizeof name, &size) == 1 &&
           std::strcmp(name, curve) == 0;
}

// RFC 7518 section 3.4 has the two numbers side by side; OpenSSL wants them in DER.
Bytes to_der(BytesView signature, std::size_t half_bytes) {
    ECDSA_SIG* numbers = ECDSA_SIG_new();
    const auto half = static_cast<int>(half_bytes);
    BIGNUM* r = BN_bin2bn(data_of(signature), half, nullptr);
    BIGNUM* s = BN_bin2bn(data_of(signature) + half_bytes, half, nullptr);
    ECDSA_SIG_set0(numbers, r, s);
    Bytes der(static_cast<std::size_t>(i2d_ECDSA_SIG(numbers, nullptr)), '\0');
    auto* to = reinterpret_cast<unsigned char*>(der.data());
    i2d_ECDSA_SIG(numbers, &to);
    ECDSA_SIG_free(numbers);
    return der;
}

}  // namespace

const JwtAlgorithm* algorithm_named(std::string_view name) {
    for (const auto& algorithm : table) {
        if (algorithm.name == name) return &algorithm;
    }
    return nullptr;
}

bool VerificationKey::verifies(const JwtAlgorithm& algorithm, BytesView text,
                               BytesView signature) const {
    if (!key_) return equal_in_constant_time(hmac(hash_of(algorithm), secret_, text), signature);
    if (algorithm.curve == nullptr) return verifies_public(algorithm, text, signature);
    if (signature.size() != 2 * algorithm.half_bytes) return false;
    if (!is_on_curve(key_.get(), algorithm.curve)) return false;
    return verifies_public(algorithm, text, to_der(signature, algorithm.half_bytes));
}

bool VerificationKey::verifies_public(const JwtAlgorithm& algorithm, BytesView text,
                                      BytesView signature) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const bool right = context != nullptr &&
                       EVP_DigestVerifyInit_ex(context, nullptr, algorithm.digest, nullptr, nullptr,
                                               key_.get(), nullptr) == 1 &&
                       EVP_DigestVerify(context, data_of(signature), signature.size(),
                                        data_of(text), text.size()) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return right;
}

Result<VerificationKey> read_key(std::string_view family, std::string_view text) {
    if (family == "hmac") {
        auto secret = base64_decode(text);
        // With an empty one everybody could sign.
        if (!secret || secret->empty()) return bad("Not a valid key");
        return VerificationKey(std::move(*secret));
    }
    auto key = decode_pem(text);
    if (!key) return bad("Not a valid key");
    if (!is_of_family(key.get(), family)) {
        return bad("not an " + std::string(spelled(family)) + " public key");
    }
    return VerificationKey(std::move(key));
}

}  // namespace divan::auth
