#include "auth/webauthn/cose_key.h"

#include <doctest/doctest.h>

#include <string>

#include "auth/webauthn/cbor.h"
#include "test/auth/webauthn/software_authenticator.h"

namespace divan::auth::webauthn {
namespace {

using test::cbor_bytes;
using test::cbor_head;
using test::cbor_number;
using test::cbor_text;
using test::KeyPair;

std::string refusal_of(const Bytes& cose) {
    const auto key = PublicKey::from_cose(cose);
    return key ? std::string("(accepted)") : key.error().reason;
}

// kty, alg and crv, then x and y.
Bytes elliptic(std::int64_t kty, std::int64_t alg, std::int64_t crv, BytesView x, BytesView y) {
    return cbor_head(5, 5) + cbor_number(1) + cbor_number(kty) + cbor_number(3) + cbor_number(alg) +
           cbor_number(-1) + cbor_number(crv) + cbor_number(-2) + cbor_bytes(x) + cbor_number(-3) +
           cbor_bytes(y);
}

Bytes rsa(BytesView n, BytesView e) {
    return cbor_head(5, 4) + cbor_number(1) + cbor_number(3) + cbor_number(3) + cbor_number(-257) +
           cbor_number(-1) + cbor_bytes(n) + cbor_number(-2) + cbor_bytes(e);
}

}  // namespace

TEST_CASE("COSE keys: every algorithm verifies its own signatures and no others") {
    for (const auto algorithm : offered_algorithms) {
        CAPTURE(static_cast<int>(algorithm));
        const KeyPair pair(algorithm), other(algorithm);
        const auto key = PublicKey::from_cose(pair.cose()).value();
        CHECK(key.algorithm() == algorithm);
        const auto signature = pair.sign("message");
        CHECK(key.verify(signature, "message"));
        CHECK_FALSE(key.verify(signature, "massage"));
        CHECK_FALSE(key.verify(other.sign("message"), "message"));
        CHECK_FALSE(key.verify("", "message"));
        CHECK_FALSE(key.verify(signature + '\0', "message"));
    }
}

TEST_CASE("COSE keys: what is not exactly a key of its algorithm is refused") {
    const KeyPair p256(Algorithm::es256), p384(Algorithm::es384), small(Algorithm::rs256);
    const auto cose = p256.cose();
    const auto parsed = parse_cbor(cose, CborOrder::canonical).value();
    const Bytes x(*parsed.find(-2)->bytes()), y(*parsed.find(-3)->bytes());
    CHECK(refusal_of(elliptic(2, -7, 1, x, y)) == "(accepted)");

    const std::string form = "The public key is not of the form that its algorithm asks for.";
    const std::string coordinate = "The public key has a missing or wrong coordinate.";
    CHECK(refusal_of(elliptic(2, -7, 2, x, y)) == form);
    CHECK(refusal_of(elliptic(3, -7, 1, x, y)) == form);
    CHECK(refusal_of(elliptic(2, -35, 1, x, y)) == form);
    CHECK(refusal_of(elliptic(2, -7, 1, x.substr(1), y)) == coordinate);
    CHECK(refusal_of(elliptic(2, -7, 1, x, y + '\0')) == coordinate);
    CHECK(refusal_of(elliptic(2, -7, 1, x, x)) == "The public key is none of its algorithm.");
    CHECK(refusal_of(elliptic(2, -7, 1, Bytes(32, '\0'), Bytes(32, '\0'))) ==
          "The public key is none of its algorithm.");
    CHECK(refusal_of(elliptic(2, -47, 1, x, y)) == "The algorithm -47 is not supported.");
    CHECK(refusal_of(elliptic(2, -8, 1, x, y)) == form);
    // One member more, here key_ops.
    auto more = elliptic(2, -7, 1, x, y);
    more[0] = '\xa6';
    more.insert(more.find("\x20\x01"), cbor_number(4) + cbor_head(4, 0));
    CHECK(refusal_of(more) == form);
    CHECK(refusal_of(cbor_head(5, 0)) == "The public key does not name its algorithm.");
    CHECK(refusal_of(cbor_text("key")) == "The public key does not name its algorithm.");
    CHECK(refusal_of(cose + '\0') == "CBOR with bytes after its end");

    const Bytes modulus(256, '\xff'), exponent("\x01\x00\x01", 3);
    CHECK(refusal_of(rsa(modulus, exponent)) == "(accepted)");
    CHECK(refusal_of(rsa(Bytes(128, '\xff'), exponent)) ==
          "An RSA key of 1024 bits; 2048 to 8192 are taken.");
    const std::string number = "The RSA key has a missing or wrong number.";
    CHECK(refusal_of(rsa(Bytes(1025, '\xff'), exponent)) == number);
    CHECK(refusal_of(rsa(modulus, "")) == number);
    CHECK(refusal_of(rsa(modulus, "\x02")) == number);
    CHECK(refusal_of(rsa(modulus, Bytes(9, '\x01'))) == number);
}

}  // namespace divan::auth::webauthn
