#include "auth/password.h"

#include <doctest/doctest.h>

#include <map>

namespace divan::auth {
namespace {

const PasswordPolicy quick{"pbkdf2", "sha256", 10};

bool admin_signs_in(std::string_view stored, std::string_view password) {
    return is_password(parse_admin_password(stored), password);
}

bool user_signs_in(std::string_view document, std::string_view password) {
    return is_password(read_user_password(parse_json(document).value()), password);
}

ReadSetting settings(std::map<std::string, std::string> values) {
    return [values = std::move(values)](std::string_view section, std::string_view key) {
        const auto found = values.find(std::string(section) + "/" + std::string(key));
        return found == values.end() ? std::nullopt : std::optional(found->second);
    };
}

}  // namespace

TEST_CASE("admin passwords: every form that CouchDB wrote is understood") {
    // The PBKDF2 keys are those of RFC 6070: "password", "salt", 2 rounds; the last with SHA-256.
    for (const char* stored : {
             "password",
             "-hashed-c88e9c67041a74e0357befdff93f87dde0904214,salt",
             "-pbkdf2-ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957,salt,2",
             "-pbkdf2:sha-ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957,salt,2",
             "-pbkdf2:sha256-ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43,"
             "salt,2",
         }) {
        CAPTURE(stored);
        CHECK(admin_signs_in(stored, "password"));
        CHECK_FALSE(admin_signs_in(stored, "passwort"));
        CHECK_FALSE(admin_signs_in(stored, ""));
    }
}

TEST_CASE("admin passwords: what is hashed in a form we cannot read lets nobody in") {
    for (const char* stored : {
             "-pbkdf2-",
             "-pbkdf2-ea6c,salt",
             "-pbkdf2-ea6c,salt,0",
             "-pbkdf2-ea6c,salt,2x",
             "-pbkdf2-ea6c,salt,99999999999999999999",
             "-pbkdf2:sha256-ea6c",
             "-hashed-abc",
         }) {
        CAPTURE(stored);
        CHECK_FALSE(admin_signs_in(stored, stored));
        CHECK_FALSE(admin_signs_in(stored, ""));
    }
}

TEST_CASE("admin passwords: a fresh hash is of CouchDB's form, salted, and verifies") {
    const auto hash = hash_admin_password("secret", quick).value();
    CHECK(hash.starts_with("-pbkdf2:sha256-"));
    CHECK(hash.ends_with(",10"));
    CHECK(is_hashed(hash));
    CHECK(hash != hash_admin_password("secret", quick).value());
    CHECK(admin_signs_in(hash, "secret"));
    CHECK_FALSE(admin_signs_in(hash, "Secret"));
    CHECK_FALSE(admin_signs_in(hash, ""));
}

TEST_CASE("admin passwords: only CouchDB's prefixes mean hashed") {
    for (const char* hashed : {"-hashed-x,y", "-pbkdf2-x,y,1", "-pbkdf2:sha512-x,y,1"}) {
        CAPTURE(hashed);
        CHECK(is_hashed(hashed));
    }
    for (const char* plain : {"", "secret", "-pbkdf2:md5-x,y,1", "pbkdf2-x", "-hashed"}) {
        CAPTURE(plain);
        CHECK_FALSE(is_hashed(plain));
    }
}

TEST_CASE("admin passwords: the settings say how they are kept") {
    const auto simple = hash_admin_password("secret", {"simple", "sha256", 10}).value();
    CHECK(simple.starts_with("-hashed-"));
    CHECK(admin_signs_in(simple, "secret"));
    const auto longer = hash_admin_password("secret", {"pbkdf2", "sha512", 3}).value();
    CHECK(longer.starts_with("-pbkdf2:sha512-"));
    CHECK(admin_signs_in(longer, "secret"));
    CHECK(hash_admin_password("secret", {"bogus", "sha256", 10}).error().code == Code::forbidden);
    CHECK(hash_admin_password("secret", {"pbkdf2", "md5", 10}).error().code == Code::forbidden);
}

TEST_CASE("user passwords: every scheme that CouchDB wrote, and bcrypt") {
    for (const char* document : {
             R"({"password_scheme":"pbkdf2","pbkdf2_prf":"sha256","salt":"NaCl1","iterations":10,
                 "derived_key":)"
             R"("77fe16afd61752cac4e3d9f2150565f4609a72068dc785e32011afc4d49d765d"})",
             R"({"password_scheme":"pbkdf2","salt":"NaCl2","iterations":25,
                 "derived_key":"5b2d6c9ea8fc37ca1870d9b3c243ef155a377cd2"})",
             R"({"password_scheme":"simple","salt":"NaCl4",
                 "password_sha":"2f0dda795595b3b48380faa964411ac5fff78368"})",
             R"({"salt":"NaCl5","password_sha":"2fc55be067ae087e9f6d3354809aecdd21a90a54"})",
             R"({"password_scheme":"simple+pbkdf2","pbkdf2_prf":"sha256","salt":"NaCl6",
                 "iterations":7,
                 "derived_key":)"
             R"("5c143eba2cdca5bce046d9abfc8d4cb300e344225b0f0f309140d1c7b17834f5"})",
             R"({"password_scheme":"bcrypt",
                 "derived_key":"$2b$04$vd2EJJCAYbSnXG4wyHVwQun6vO8U3f/Pcp.iQkg2VtSQBHJ.TgaDu"})",
         }) {
        CAPTURE(document);
        CHECK(user_signs_in(document, "pw"));
        CHECK_FALSE(user_signs_in(document, "px"));
        CHECK_FALSE(user_signs_in(document, ""));
    }
}

TEST_CASE("user passwords: nobody signs in with what is no hash") {
    for (const char* document : {
             R"({})",
             R"({"password_sha":""})",
             R"({"password_sha":null,"salt":"x"})",
             R"({"password_scheme":"pbkdf2","derived_key":"","iterations":1,"salt":"x"})",
             R"({"password_scheme":"pbkdf2","derived_key":"ab","iterations":0,"salt":"x"})",
             R"({"password_scheme":"pbkdf2","derived_key":"ab","iterations":1.5,"salt":"x"})",
             R"({"password_scheme":"pbkdf2","derived_key":"ab","iterations":"1","salt":"x"})",
             R"({"password_scheme":"pbkdf2","derived_key":"ab","iterations":1,"salt":7})",
             R"({"password_scheme":"pbkdf2","pbkdf2_prf":"md5","derived_key":"ab","iterations":1})",
             R"({"password_scheme":["simple"],"password_sha":"ab"})",
             R"({"password_scheme":"bcrypt","derived_key":"plain"})",
             R"({"password_scheme":"bcrypt","derived_key":"*0"})",
         }) {
        CAPTURE(document);
        CHECK_FALSE(user_signs_in(document, ""));
        CHECK_FALSE(user_signs_in(document, "plain"));
        CHECK_FALSE(user_signs_in(document, "*0"));
    }
}

TEST_CASE("user passwords: a bcrypt hash that takes hours is not computed") {
    const std::string key = "$2b$31$vd2EJJCAYbSnXG4wyHVwQun6vO8U3f/Pcp.iQkg2VtSQBHJ.TgaDu";
    CHECK_FALSE(is_password({PasswordHash::Scheme::bcrypt, {}, key, {}, 0}, "pw"));
}

TEST_CASE("hashes: iterations and PRF that the server does not compute are told") {
    const PasswordHash hash{PasswordHash::Scheme::pbkdf2, "sha256", "ab", "S", 10};
    CHECK(check_computable(hash, settings({})).has_value());
    CHECK(check_computable(hash, settings({{"chttpd_auth/min_iterations", "11"}})).error() ==
          Error{Code::forbidden, "Iteration count is too low for this server", {}});
    CHECK(check_computable(hash, settings({{"couch_httpd_auth/max_iterations", "9"}})).error() ==
          Error{Code::forbidden, "Iteration count is too high for this server", {}});
    auto slow = hash;
    slow.iterations = 10'000'001;
    CHECK(check_computable(slow, settings({})).has_error());
    CHECK(check_computable(slow, settings({{"chttpd_auth/max_iterations", "10000001"}}))
              .has_value());
    auto unknown = hash;
    unknown.prf = "md5";
    CHECK(check_computable(unknown, settings({})).error() ==
          Error{Code::forbidden, "PRF is invalid", {}});
}

TEST_CASE("policy: CouchDB's defaults; the older section counts where the newer says nothing") {
    const auto otherwise = password_policy(settings({}));
    CHECK(otherwise.scheme == "pbkdf2");
    CHECK(otherwise.prf == "sha256");
    CHECK(otherwise.iterations == 600'000);
    const auto set = password_policy(settings({{"couch_httpd_auth/iterations", "20"},
                                               {"couch_httpd_auth/pbkdf2_prf", "sha"},
                                               {"chttpd_auth/pbkdf2_prf", "sha512"}}));
    CHECK(set.iterations == 20);
    CHECK(set.prf == "sha512");
}

}  // namespace divan::auth
