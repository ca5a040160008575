#include "auth/one_time_code.h"

#include <doctest/doctest.h>

#include "storage/base/json.h"

namespace divan::auth {
namespace {

OneTimeCodes codes(std::string_view json) {
    return read_one_time_codes(parse_json(json).value());
}

}  // namespace

TEST_CASE("one-time codes: the test vectors of RFC 6238") {
    const OneTimeCodes sha1{"12345678901234567890", "sha", 8};
    CHECK(step_of_code(sha1, "94287082", 59));
    CHECK(step_of_code(sha1, "07081804", 1111111109));
    CHECK(step_of_code(sha1, "69279037", 2000000000));
    const OneTimeCodes sha256{"12345678901234567890123456789012", "sha256", 8};
    CHECK(step_of_code(sha256, "46119246", 59));
    CHECK(step_of_code(sha256, "91819424", 1234567890));
    const OneTimeCodes sha512{"1234567890123456789012345678901234567890123456789012345678901234",
                              "sha512", 8};
    CHECK(step_of_code(sha512, "90693936", 59));
    CHECK(step_of_code(sha512, "47863826", 20000000000));
}

TEST_CASE("one-time codes: one step early or late is right, two are not") {
    const OneTimeCodes known{"12345678901234567890", "sha", 8};
    CHECK(step_of_code(known, "94287082", 59 - 30));
    CHECK(step_of_code(known, "94287082", 59 + 30) == 1);
    CHECK_FALSE(step_of_code(known, "94287082", 59 + 61));
    CHECK_FALSE(step_of_code(known, "", 59));
    CHECK_FALSE(step_of_code(known, "94287083", 59));
}

TEST_CASE("one-time codes: read from a user document as CouchDB has them") {
    const auto read = codes(R"({"key":"JBSWY3DPEHPK3PXP","algorithm":"sha256","length":7})");
    CHECK(read.key == "Hello!\xde\xad\xbe\xef");
    CHECK(read.algorithm == "sha256");
    CHECK(read.digits == 7);
    CHECK(codes(R"({"key":"JBSWY3DPEHPK3PXP"})").digits == 6);
}

TEST_CASE("one-time codes: what cannot be read is a factor that nobody has") {
    for (const char* json : {"null", "true", "{}", R"({"key":1})", R"({"key":"!"})",
                             R"({"key":"JBSWY3DP","length":0})",
                             R"({"key":"JBSWY3DP","length":99})",
                             R"({"key":"JBSWY3DP","algorithm":"md5"})",
                             R"({"key":"JBSWY3DP","algorithm":null})"}) {
        CAPTURE(json);
        CHECK(codes(json).key.empty());
        CHECK_FALSE(step_of_code(codes(json), "", 0));
        CHECK_FALSE(step_of_code(codes(json), "000000", 0));
    }
}

}  // namespace divan::auth
