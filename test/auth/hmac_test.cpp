#include "auth/hmac.h"

#include <doctest/doctest.h>

#include "auth/text_list.h"
#include "storage/base/digest.h"

namespace divan::auth {
namespace {

using Texts = std::vector<std::string>;
using Algorithms = std::vector<HashAlgorithm>;

}  // namespace

TEST_CASE("hmac: RFC 2202 and 4231, case 2") {
    struct Row {
        HashAlgorithm algorithm;
        std::string_view code;
    };
    constexpr Row table[] = {
        {HashAlgorithm::sha1,   "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"                        },
        {HashAlgorithm::sha224, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"        },
        {HashAlgorithm::sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {HashAlgorithm::sha384,
         "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
         "8e2240ca5e69e2c78b3239ecfab21649"                                                       },
        {HashAlgorithm::sha512,
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
         "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"                       },
    };
    for (const auto& row : table) {
        const auto code = hmac(row.algorithm, "Jefe", "what do ya want for nothing?");
        CHECK(hex_encode(code) == row.code);
        CHECK(code.size() == digest_bytes(row.algorithm));
    }
}

TEST_CASE("hmac: algorithms are read under Erlang's names, SHA-256 where none is known") {
    CHECK(parse_hash_algorithms("sha256, sha") ==
          Algorithms{HashAlgorithm::sha256, HashAlgorithm::sha1});
    CHECK(parse_hash_algorithms("sha512,nothing") == Algorithms{HashAlgorithm::sha512});
    CHECK(parse_hash_algorithms("") == Algorithms{HashAlgorithm::sha256});
    CHECK(parse_hash_algorithms("md5") == Algorithms{HashAlgorithm::sha256});
}

TEST_CASE("lists: split as CouchDB splits roles") {
    CHECK(split_list("") == Texts{});
    CHECK(split_list("a") == Texts{"a"});
    CHECK(split_list("a,b") == Texts{"a", "b"});
    CHECK(split_list("a , b c ,d") == Texts{"a", "b c", "d"});
    CHECK(split_list("a,,b,,") == Texts{"a", "", "b"});
    CHECK(split_list(" a,b ") == Texts{" a", "b "});
    CHECK(split_list(",") == Texts{});
}

}  // namespace divan::auth
