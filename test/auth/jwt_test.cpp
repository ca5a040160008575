#include "auth/jwt.h"

#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>

#include "auth/hmac.h"
#include "storage/base/crypto.h"
#include "storage/base/digest.h"

namespace divan::auth {
namespace {

constexpr std::int64_t now = 1'700'000'000;
const std::string claims = R"({"sub":"ann","exp":1700000001,"_couchdb.roles":["a","b"]})";

using PrivateKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

PrivateKey make_key(std::string_view kind) {
    EVP_PKEY* key = nullptr;
    if (kind == "rsa") {
        key = EVP_RSA_gen(2048);
    } else if (kind == "ED25519" || kind == "ED448") {
        key = EVP_PKEY_Q_keygen(nullptr, nullptr, kind.data());
    } else {
        key = EVP_EC_gen(kind.data());
    }
    return {key, EVP_PKEY_free};
}

std::string pem_of(const PrivateKey& key) {
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(out, key.get());
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out, &data);
    std::string pem(data, static_cast<std::size_t>(size));
    BIO_free(out);
    return pem;
}

std::string with_literal_line_ends(std::string pem) {
    for (auto at = pem.find('\n'); at != std::string::npos; at = pem.find('\n', at)) {
        pem.replace(at, 1, "\\n");
    }
    return pem;
}

// RFC 7518 section 3.4: the two numbers side by side.
Bytes from_der(const Bytes& der, std::size_t half) {
    const auto* from = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* numbers = d2i_ECDSA_SIG(nullptr, &from, static_cast<long>(der.size()));
    Bytes raw(2 * half, '\0');
    auto* to = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(numbers), to, static_cast<int>(half));
    BN_bn2binpad(ECDSA_SIG_get0_s(numbers), to + half, static_cast<int>(half));
    ECDSA_SIG_free(numbers);
    return raw;
}

Bytes signature_of(const PrivateKey& key, const char* digest, const std::string& text) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit_ex(context, nullptr, digest, nullptr, nullptr, key.get(), nullptr);
    const auto* data = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    EVP_DigestSign(context, nullptr, &size, data, text.size());
    Bytes signature(size, '\0');
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                   text.size());
    EVP_MD_CTX_free(context);
    signature.resize(size);
    return signature;
}

std::string unsigned_token(std::string_view header, std::string_view payload) {
    return base64url_encode(header) + "." + base64url_encode(payload);
}

std::string sign(const PrivateKey& key, std::string_view algorithm, const char* digest,
                 std::size_t half = 0, std::string_view payload = claims) {
    const auto text = unsigned_token(R"({"alg":")" + std::string(algorithm) + R"("})", payload);
    auto signature = signature_of(key, digest, text);
    if (half > 0) signature = from_der(signature, half);
    return text + "." + base64url_encode(signature);
}

const std::string shared = "a shared key";

std::string sign_hmac(std::string_view payload, std::string_view header = R"({"alg":"HS256"})",
                      HashAlgorithm algorithm = HashAlgorithm::sha256) {
    const auto text = unsigned_token(header, payload);
    return text + "." + base64url_encode(hmac(algorithm, shared, text));
}

JwtVerifier shared_key_verifier(const JwtClaims& rules = {}) {
    return JwtVerifier(
        {
            {"hmac:_default", base64_encode(shared)}
    },
        rules);
}

std::string outcome(const Result<Identity>& who) {
    if (who) return who->name;
    const auto code = who.error().code;
    const char* name = code == Code::bad_request    ? "400 "
                       : code == Code::unauthorized ? "401 "
                       : code == Code::not_found    ? "404 "
                                                    : "500 ";
    return name + who.error().reason;
}

std::string outcome_of(std::string_view payload, const JwtClaims& rules = {}) {
    return outcome(shared_key_verifier(rules).verify(sign_hmac(payload), now));
}

}  // namespace

TEST_CASE("jwt: RFC 7515 A.1 and A.2, RFC 8037 A.4") {
    const JwtClaims nothing_required{"", "roles", {}};
    const JwtVerifier verifier(
        {
            {"hmac:_default",
             "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ+EstJQLr/"
             "T+1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="},
            {"eddsa:_default",
             "-----BEGIN PUBLIC "
             "KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
             "-----END PUBLIC KEY-----\n"                   }
    },
        nothing_required);
    // They name nobody, so the signature is what is right.
    CHECK(outcome(verifier.verify(
              "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
              "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290"
              "Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
              now)) == "401 Token missing sub claim.");
    // The payload of RFC 8037 is a text, not an object.
    CHECK(outcome(verifier.verify("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
                                  "hgyY0il_MGCjP0JzlnLWG1PPOt7-"
                                  "09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
                                  now)) == "400 Malformed token");
}

TEST_CASE("jwt: keys of each family verify their algorithms") {
    struct Row {
        const char* kind;
        const char* family;
        const char* algorithm;
        const char* digest;
        std::size_t half;
    };
    constexpr Row table[] = {
        {"rsa",     "rsa",   "RS256", "SHA256", 0 },
        {"rsa",     "rsa",   "RS384", "SHA384", 0 },
        {"rsa",     "rsa",   "RS512", "SHA512", 0 },
        {"P-256",   "ec",    "ES256", "SHA256", 32},
        {"P-384",   "ec",    "ES384", "SHA384", 48},
        {"P-521",   "ec",    "ES512", "SHA512", 66},
        {"ED25519", "eddsa", "EdDSA", nullptr,  0 },
        {"ED448",   "eddsa", "EdDSA", nullptr,  0 },
    };
    for (const auto& row : table) {
        CAPTURE(row.algorithm);
        const auto key = make_key(row.kind), other = make_key(row.kind);
        const auto name = std::string(row.family) + ":_default";
        const auto token = sign(key, row.algorithm, row.digest, row.half);
        const JwtVerifier verifier(
            {
                {name, pem_of(key)}
        },
            {});
        const auto who = verifier.verify(token, now);
        REQUIRE(who.has_value());
        CHECK(who->name == "ann");
        CHECK(who->roles == std::vector<std::string>{"a", "b"});
        CHECK(who->authenticated_by == "jwt");
        const JwtVerifier on_one_line(
            {
                {name, with_literal_line_ends(pem_of(key))}
        },
            {});
        CHECK(outcome(on_one_line.verify(token, now)) == "ann");
        const JwtVerifier of_another(
            {
                {name, pem_of(other)}
        },
            {});
        CHECK(outcome(of_another.verify(token, now)) == "400 Bad signature");
    }
}

TEST_CASE("jwt: keyed hashes of three sizes") {
    const auto verifier = shared_key_verifier();
    CHECK(outcome(verifier.verify(sign_hmac(claims), now)) == "ann");
    CHECK(outcome(verifier.verify(sign_hmac(claims, R"({"alg":"HS384"})", HashAlgorithm::sha384),
                                  now)) == "ann");
    CHECK(outcome(verifier.verify(sign_hmac(claims, R"({"alg":"HS512"})", HashAlgorithm::sha512),
                                  now)) == "ann");
    CHECK(outcome(verifier.verify(sign_hmac(claims, R"({"alg":"HS512"})", HashAlgorithm::sha256),
                                  now)) == "400 Bad HMAC");
}

TEST_CASE("jwt: an algorithm is tried with keys of its own family only") {
    const auto rsa = make_key("rsa");
    const auto pem = pem_of(rsa);
    const JwtVerifier verifier(
        {
            {"rsa:_default", pem}
    },
        {});
    // The public key as a shared secret: the old attack.
    const auto text = unsigned_token(R"({"alg":"HS256"})", claims);
    const auto forged = text + "." + base64url_encode(hmac(HashAlgorithm::sha256, pem, text));
    CHECK(outcome(verifier.verify(forged, now)) == "400 Unknown kid");
    CHECK(outcome(verifier.verify(unsigned_token(R"({"alg":"none"})", claims) + ".", now)) ==
          "400 Invalid alg header parameter");
}

TEST_CASE("jwt: an ES algorithm is bound to its curve") {
    const auto key = make_key("P-384");
    const JwtVerifier verifier(
        {
            {"ec:_default", pem_of(key)}
    },
        {});
    CHECK(outcome(verifier.verify(sign(key, "ES384", "SHA384", 48), now)) == "ann");
    CHECK(outcome(verifier.verify(sign(key, "ES256", "SHA256", 48), now)) == "400 Bad signature");
}

TEST_CASE("jwt: no byte of a token can be changed") {
    const auto key = make_key("P-256");
    const JwtVerifier verifier(
        {
            {"ec:_default", pem_of(key)}
    },
        {});
    const auto token = sign(key, "ES256", "SHA256", 32);
    for (std::size_t i = 0; i < token.size(); ++i) {
        auto changed = token;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        CHECK(verifier.verify(changed, now).has_error());
        CHECK(verifier.verify(token.substr(0, i), now).has_error());
    }
}

TEST_CASE("jwt: the kid chooses the key") {
    const JwtVerifier verifier(
        {
            {"hmac:_default", base64_encode("another")},
            {"hmac:one",      base64_encode(shared)   }
    },
        {});
    const auto with_kid = [&](const std::string& kid) {
        return outcome(
            verifier.verify(sign_hmac(claims, R"({"alg":"HS256","kid":)" + kid + "}"), now));
    };
    CHECK(with_kid(R"("one")") == "ann");
    CHECK(with_kid(R"("_default")") == "400 Bad HMAC");
    CHECK(with_kid(R"("two")") == "400 Unknown kid");
    CHECK(with_kid("1") == "400 Unknown kid");
}

TEST_CASE("jwt: keys that are none are refused in CouchDB's words") {
    const auto rsa = make_key("rsa"), ec = make_key("P-256");
    const JwtVerifier verifier(
        {
            {"hmac:_default",  "%%%"      },
            {"hmac:empty",     ""         },
            {"rsa:_default",   "nothing"  },
            {"rsa:ec",         pem_of(ec) },
            {"ec:_default",    pem_of(rsa)},
            {"eddsa:_default", pem_of(ec) }
    },
        {});
    const auto with_header = [&](std::string_view header) {
        return outcome(verifier.verify(sign_hmac(claims, header), now));
    };
    CHECK(with_header(R"({"alg":"HS256"})") == "400 Not a valid key");
    CHECK(with_header(R"({"alg":"HS256","kid":"empty"})") == "400 Not a valid key");
    CHECK(with_header(R"({"alg":"RS256"})") == "400 Not a valid key");
    CHECK(with_header(R"({"alg":"RS256","kid":"ec"})") == "400 not an RSA public key");
    CHECK(with_header(R"({"alg":"ES256"})") == "400 not an EC public key");
    CHECK(with_header(R"({"alg":"EdDSA"})") == "400 not an EdDSA public key");
}

TEST_CASE("jwt: what is no token") {
    const auto verifier = shared_key_verifier();
    for (const auto* token : {"", ".", "..", "a.b", "a.b.c", "a.b.c.d", "!.!.!"}) {
        CAPTURE(token);
        CHECK(outcome(verifier.verify(token, now)) == "400 Malformed token");
    }
    CHECK(outcome(verifier.verify("e30.e30.", now)) == "400 Missing alg header parameter");
    CHECK(outcome(verifier.verify("W10.e30.x", now)) == "400 Not an object");
    CHECK(outcome(verifier.verify(sign_hmac("[]"), now)) == "400 Not an object");
    CHECK(outcome(verifier.verify(sign_hmac("not json"), now)) == "400 Malformed token");
    CHECK(outcome(verifier.verify(sign_hmac(claims, R"({"alg":1})"), now)) ==
          "400 Invalid alg header parameter");
}

TEST_CASE("jwt: exp is required unless the configuration says otherwise") {
    CHECK(outcome_of(R"({"sub":"x"})") == "400 Missing exp claim");
    CHECK(outcome_of(R"({"sub":"x","exp":1700000000})") == "401 exp not in future");
    CHECK(outcome_of(R"({"sub":"x","exp":1700000000.5})") == "x");
    CHECK(outcome_of(R"({"sub":"x","exp":"never"})") == "400 Invalid exp claim");
    CHECK(outcome_of(R"({"sub":"x","exp":null})") == "400 Invalid exp claim");
    const JwtClaims none{"", "_couchdb.roles", {}};
    CHECK(outcome_of(R"({"sub":"x"})", none) == "x");
    CHECK(outcome_of(R"({"sub":"x","exp":1})", none) == "x");
}

TEST_CASE("jwt: further claims that may be required") {
    const JwtClaims times{"exp,nbf,iat", "_couchdb.roles", {}};
    const auto with = [&](const std::string& more) {
        return outcome_of(R"({"sub":"x","exp":1700000001)" + more + "}", times);
    };
    CHECK(with("") == "400 Missing iat claim");
    CHECK(with(R"(,"iat":1)") == "400 Missing nbf claim");
    CHECK(with(R"(,"iat":"x","nbf":1)") == "400 Invalid iat claim");
    CHECK(with(R"(,"iat":1,"nbf":1700000000)") == "401 nbf not in past");
    CHECK(with(R"(,"iat":1,"nbf":1699999999)") == "x");

    const JwtClaims issuer{R"(exp,{iss, "https://a.example"},{aud,"app"})", "_couchdb.roles", {}};
    const auto from = [&](const std::string& more) {
        return outcome_of(R"({"sub":"x","exp":1700000001)" + more + "}", issuer);
    };
    CHECK(from("") == "400 Missing iss claim");
    CHECK(from(R"(,"iss":"https://b.example")") == "400 Invalid iss claim");
    CHECK(from(R"(,"iss":"https://a.example")") == "400 Missing aud claim");
    CHECK(from(R"(,"iss":"https://a.example","aud":"other")") == "400 Invalid aud claim");
    CHECK(from(R"(,"iss":"https://a.example","aud":["other","app"])") == "x");
}

TEST_CASE("jwt: typ and kid may be required of the header") {
    const auto verifier = shared_key_verifier({"exp,typ,kid", "_couchdb.roles", {}});
    const auto with_header = [&](std::string_view header) {
        return outcome(verifier.verify(sign_hmac(claims, header), now));
    };
    CHECK(with_header(R"({"alg":"HS256"})") == "400 Missing typ header parameter");
    CHECK(with_header(R"({"alg":"HS256","typ":"X"})") == "400 Invalid typ header parameter");
    CHECK(with_header(R"({"alg":"HS256","typ":"JWT"})") == "400 Missing kid claim");
    CHECK(with_header(R"({"alg":"HS256","typ":"JWT","kid":"_default"})") == "ann");
}

TEST_CASE("jwt: a setting that names no claim closes the door") {
    CHECK(outcome_of(claims, {"%%", "_couchdb.roles", {}}) ==
          "500 JWT is not configured correctly");
}

TEST_CASE("jwt: roles are a list or a text, by name or by path") {
    using Roles = std::vector<std::string>;
    const auto roles_of = [](const std::string& member, const JwtClaims& rules = {}) {
        const auto token = sign_hmac(R"({"sub":"x","exp":1700000001,)" + member + "}");
        return shared_key_verifier(rules).verify(token, now).value().roles;
    };
    CHECK(roles_of(R"("_couchdb.roles":["a","b c"])") == Roles{"a", "b c"});
    CHECK(roles_of(R"("_couchdb.roles":"a, b ,c")") == Roles{"a", "b", "c"});
    CHECK(roles_of(R"("roles":["a"])") == Roles{});
    CHECK(roles_of(R"("mine":["m"])", {"exp", "mine", {}}) == Roles{"m"});
    CHECK(roles_of(R"("a":{"b":{"c":["deep"]}})", {"exp", "", "a.b.c"}) == Roles{"deep"});
    CHECK(roles_of(R"("a.b":{"c.d":"x,y"})", {"exp", "", "a\\.b.c\\.d"}) == Roles{"x", "y"});

    CHECK(outcome_of(R"({"sub":"x","exp":1700000001,"_couchdb.roles":[1]})") ==
          "400 Malformed token");
    CHECK(outcome_of(R"({"sub":"x","exp":1700000001,"_couchdb.roles":null})") ==
          "400 Malformed token");
    CHECK(outcome_of(claims, {"exp", "", "a.b"}) == "404 missing json key: a");
    CHECK(outcome_of(R"({"sub":"x","exp":1700000001,"a":1})", {"exp", "", "a.b"}) ==
          "404 json_mismatch");
}

TEST_CASE("jwt: a token must name somebody") {
    CHECK(outcome_of(R"({"exp":1700000001})") == "401 Token missing sub claim.");
    CHECK(outcome_of(R"({"exp":1700000001,"sub":1})") == "400 Invalid sub claim");
    CHECK(outcome_of(R"({"exp":1700000001,"sub":"","_couchdb.roles":["_admin"]})") ==
          "400 Invalid sub claim");
}

}  // namespace divan::auth
