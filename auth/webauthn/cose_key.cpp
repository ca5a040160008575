#include "auth/webauthn/cose_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "auth/webauthn/cbor.h"

namespace divan::auth::webauthn {
namespace {

// Labels and values of RFC 9053 sections 2 and 7.
constexpr std::int64_t label_kty = 1, label_alg = 3;
constexpr std::int64_t label_crv = -1, label_x = -2, label_y = -3;
constexpr std::int64_t label_n = -1, label_e = -2;
constexpr std::int64_t kty_okp = 1, kty_ec2 = 2, kty_rsa = 3;

constexpr int rsa_bits_min = 2048;
constexpr int rsa_bits_max = 8192;
constexpr std::size_t rsa_exponent_bytes_max = 8;

struct Parameters {
    Algorithm algorithm;
    std::int64_t kty;
    std::int64_t crv;  ///< 0: no curve.
    std::size_t coordinate_bytes;
    const char* group;   ///< OpenSSL's name of the curve.
    const char* digest;  ///< Null: the algorithm has its own.
};

constexpr Parameters table[] = {
    {Algorithm::es256, kty_ec2, 1, 32, "prime256v1", "SHA256"},
    {Algorithm::eddsa, kty_okp, 6, 32, nullptr,      nullptr },
    {Algorithm::es384, kty_ec2, 2, 48, "secp384r1",  "SHA384"},
    {Algorithm::es512, kty_ec2, 3, 66, "secp521r1",  "SHA512"},
    {Algorithm::rs256, kty_rsa, 0, 0,  nullptr,      "SHA256"},
};

const Parameters& parameters_of(Algorithm algorithm) {
    return *std::find_if(std::begin(table), std::end(table),
                         [&](const Parameters& row) { return row.algorithm == algorithm; });
}

Error bad_key(std::string reason) {
    ERR_clear_error();
    return {Code::bad_request, std::move(reason), {}};
}

const unsigned char* data_of(BytesView bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

using Key = std::shared_ptr<EVP_PKEY>;

Key owned(EVP_PKEY* key) {
    return {key, EVP_PKEY_free};
}

// Null where the parameters make no key of that type.
Key key_from(const char* type, OSSL_PARAM* params) {
    EVP_PKEY* key = nullptr;
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
        EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr), EVP_PKEY_CTX_free);
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        return nullptr;
    }
    return owned(key);
}

// Null where the point is not on the curve.
Key elliptic_key(const char* group, Bytes point) {
    std::string name = group;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
        OSSL_PARAM_construct_end()};
    return key_from("EC", params);
}

Key rsa_key(BytesView modulus, BytesView exponent) {
    using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;
    const auto number = [](BytesView bytes) {
        return Number(BN_bin2bn(data_of(bytes), static_cast<int>(bytes.size()), nullptr), BN_free);
    };
    const auto n = number(modulus), e = number(exponent);
    const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> builder(
        OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
    if (!n || !e || !builder ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
        return nullptr;
    }
    const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> params(
        OSSL_PARAM_BLD_to_param(builder.get()), OSSL_PARAM_free);
    return params ? key_from("RSA", params.get()) : nullptr;
}

// The byte string under `label`, of exactly `size` bytes.
Result<BytesView> coordinate(const CborValue& cose, std::int64_t label, std::size_t size) {
    const auto* member = cose.find(label);
    const auto bytes = member != nullptr ? member->bytes() : std::nullopt;
    if (!bytes || bytes->size() != size) {
        return bad_key("The public key has a missing or wrong coordinate.");
    }
    return *bytes;
}

Result<Key> read_elliptic(const CborValue& cose, const Parameters& row) {
    const auto x = coordinate(cose, label_x, row.coordinate_bytes);
    if (!x) return x.error();
    const auto y = coordinate(cose, label_y, row.coordinate_bytes);
    if (!y) return y.error();
    return elliptic_key(row.group, Bytes(1, '\x04').append(*x).append(*y));
}

Result<Key> read_edwards(const CborValue& cose, const Parameters& row) {
    const auto x = coordinate(cose, label_x, row.coordinate_bytes);
    if (!x) return x.error();
    return owned(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, data_of(*x), x->size()));
}

Result<Key> read_rsa(const CborValue& cose) {
    const auto* n = cose.find(label_n);
    const auto* e = cose.find(label_e);
    const auto modulus = n != nullptr ? n->bytes() : std::nullopt;
    const auto exponent = e != nullptr ? e->bytes() : std::nullopt;
    if (!modulus || !exponent || modulus->size() > rsa_bits_max / 8 || exponent->empty() ||
        exponent->size() > rsa_exponent_bytes_max || (exponent->back() & 1) == 0) {
        return bad_key("The RSA key has a missing or wrong number.");
    }
    return rsa_key(*modulus, *exponent);
}

// How many members a key of the kind has, when it has nothing but what it needs.
std::size_t member_count(std::int64_t kty) {
    return kty == kty_ec2 ? 5 : 4;
}

bool is_number(const CborValue* value, std::int64_t number) {
    return value != nullptr && value->integer() == number;
}

}  // namespace

Result<Algorithm> algorithm_of(std::int64_t number) {
    for (const auto& row : table) {
        if (static_cast<std::int64_t>(row.algorithm) == number) return row.algorithm;
    }
    return Error{Code::bad_request, fmt::format("The algorithm {} is not supported.", number), {}};
}

Result<PublicKey> PublicKey::from_cose(BytesView cose) {
    const auto parsed = parse_cbor(cose, CborOrder::canonical);
    if (!parsed) return parsed.error();
    const auto* number = parsed->find(label_alg);
    const auto alg = number != nullptr ? number->integer() : std::nullopt;
    if (!alg) return bad_key("The public key does not name its algorithm.");
    const auto algorithm = algorithm_of(*alg);
    if (!algorithm) return algorithm.error();

    const auto& row = parameters_of(*algorithm);
    if (!is_number(parsed->find(label_kty), row.kty) ||
        (row.crv != 0 && !is_number(parsed->find(label_crv), row.crv)) ||
        parsed->members().size() != member_count(row.kty)) {
        return bad_key("The public key is not of the form that its algorithm asks for.");
    }
    const auto key = row.kty == kty_ec2   ? read_elliptic(*parsed, row)
                     : row.kty == kty_okp ? read_edwards(*parsed, row)
                                          : read_rsa(*parsed);
    if (!key) return key.error();
    return from_key(*key, *algorithm);
}

Result<PublicKey> PublicKey::from_key(Key key, Algorithm algorithm) {
    const auto& row = parameters_of(algorithm);
    const char* type = row.kty == kty_ec2 ? "EC" : row.kty == kty_okp ? "ED25519" : "RSA";
    if (!key || EVP_PKEY_is_a(key.get(), type) != 1) {
        return bad_key("The public key is none of its algorithm.");
    }
    if (row.group != nullptr) {
        char name[64] = {};
        if (EVP_PKEY_get_group_name(key.get(), name, sizeof name, nullptr) != 1 ||
            std::string_view(name) != row.group) {
            return bad_key("The public key is on another curve than its algorithm's.");
        }
    }
    const int bits = EVP_PKEY_get_bits(key.get());
    if (row.kty == kty_rsa && (bits < rsa_bits_min || bits > rsa_bits_max)) {
        return bad_key(fmt::format("An RSA key of {} bits; {} to {} are taken.", bits, rsa_bits_min,
                                   rsa_bits_max));
    }
    return PublicKey(algorithm, std::move(key));
}

Bytes PublicKey::uncompressed_point() const {
    Bytes point(1 + 2 * parameters_of(algorithm_).coordinate_bytes, '\0');
    std::size_t size = 0;
    auto* out = reinterpret_cast<unsigned char*>(point.data());
    DIVAN_CHECK(EVP_PKEY_get_octet_string_param(key_.get(), OSSL_PKEY_PARAM_PUB_KEY, out,
                                                point.size(), &size) == 1 &&
                size == point.size());
    return point;
}

bool PublicKey::verify(BytesView signature, BytesView message) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    const char* digest = parameters_of(algorithm_).digest;
    const bool right = context &&
                       EVP_DigestVerifyInit_ex(context.get(), nullptr, digest, nullptr, nullptr,
                                               key_.get(), nullptr) == 1 &&
                       EVP_DigestVerify(context.get(), data_of(signature), signature.size(),
                                        data_of(message), message.size()) == 1;
    ERR_clear_error();  // a wrong signature leaves its reason in the thread's queue
    return right;
}

}  // namespace divan::auth::webauthn
