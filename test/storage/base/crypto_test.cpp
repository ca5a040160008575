#include "storage/base/crypto.h"

#include <doctest/doctest.h>

#include <string>

#include "storage/base/digest.h"

namespace divan {

TEST_CASE("sha256 and hmac: the digests that FIPS 180-4 and RFC 4231 print") {
    CHECK(hex_encode(sha256("abc")) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex_encode(sha256("")) ==
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex_encode(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("constant time equality: compares sizes and bytes") {
    CHECK(equal_in_constant_time("", ""));
    CHECK(equal_in_constant_time("abc", "abc"));
    CHECK_FALSE(equal_in_constant_time("abc", "abd"));
    CHECK_FALSE(equal_in_constant_time("abc", "ab"));
}

TEST_CASE("base64url: decodes the one spelling of each value, and nothing else") {
    for (const std::string bytes : {"", "f", "fo", "foo", "\xfb\xff\xfe", "\xff"}) {
        CHECK(base64url_decode(base64url_encode(bytes)) == bytes);
    }
    for (const char* text :
         {"Zg==", "Zh", "Z", "Zm9v Zm9v", "-_-/", "+-+-", "Zm9v\n", "====", "Z=m9"}) {
        CAPTURE(text);
        CHECK_FALSE(base64url_decode(text));
    }
}

}  // namespace divan
