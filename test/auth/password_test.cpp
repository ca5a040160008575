#include "auth/password.h"

#include <doctest/doctest.h>

namespace divan::auth {

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
        CHECK(verify_admin_password(stored, "password"));
        CHECK_FALSE(verify_admin_password(stored, "passwort"));
        CHECK_FALSE(verify_admin_password(stored, ""));
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
        CHECK_FALSE(verify_admin_password(stored, stored));
        CHECK_FALSE(verify_admin_password(stored, ""));
    }
}

TEST_CASE("admin passwords: a fresh hash is of CouchDB's form, salted, and verifies") {
    const auto hash = hash_admin_password("secret", 10);
    CHECK(hash.starts_with("-pbkdf2:sha256-"));
    CHECK(hash.ends_with(",10"));
    CHECK(is_hashed(hash));
    CHECK(hash != hash_admin_password("secret", 10));
    CHECK(verify_admin_password(hash, "secret"));
    CHECK_FALSE(verify_admin_password(hash, "Secret"));
    CHECK_FALSE(verify_admin_password(hash, ""));
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

}  // namespace divan::auth
