#include "storage/document/couch_sequence.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <random>

#include "storage/base/digest.h"

// The sequences were packed by Erlang, as fabric_view_changes:pack_seqs/1 does.
namespace divan::storage {

TEST_CASE("couch sequence: two shards, compressed or not") {
    const std::vector<CouchShardSequence> wanted{
        {0, 2147483647, 12, "0f3a5c1", "couchdb@127.0.0.1"},
        {2147483648, 4294967295, 5000000000, "9e8d7c6", "old@127.0.0.1"}};
    const auto packed = parse_couch_sequence(
        "5000000012-g1AAAACdeJzLYWBgYMpgTmEQTM4vTc5ISXIwNDLXMwBCwxyQVCJDUv3___-zMpgTeXKBAuwGac"
        "aJpsmG2DTgMSaPBUgyNACp_xDT8lgZGD6xajGCzbRMtUgxTzZLYeDNz0lB6MwCAG0AKCY");
    REQUIRE(packed);
    CHECK(*packed == wanted);
    const auto plain = parse_couch_sequence(
        "g2wAAAACaANkABFjb3VjaGRiQDEyNy4wLjAuMWwAAAACYQBif____2poA2EMbQAAAAcwZjNhNWMxZAARY291"
        "Y2hkYkAxMjcuMC4wLjFoA2QAEWNvdWNoZGJAMTI3LjAuMC4xbAAAAAJuBAAAAACAbgQA_____2poA24FAADyBS"
        "oBbQAAAAc5ZThkN2M2ZAANb2xkQDEyNy4wLjAuMWo");
    REQUIRE(plain);
    CHECK(*plain == wanted);
}

TEST_CASE("couch sequence: what older servers and split shards say") {
    const auto read = parse_couch_sequence(
        "315-g1AAAAB2eJzLYWBgYM5gTmFgyjPMAbKZEhnyWBj-A0FWBlMSAwOjTi5QlN0gzTjRNNkQotAITWEi"
        "O0TcGCoO1AbSzpzIkcGUwsBaXJCTWQIyhTkxKRmkziQLAMhLHk0");
    REQUIRE(read);
    const std::vector<CouchShardSequence> wanted{{0, 4294967295, 300, "0f3a5c1", "n1"},
                                                 {0, 4294967295, 7, "", ""},
                                                 {0, 65535, 8, "", "n4"}};
    CHECK(*read == wanted);
    const auto none = parse_couch_sequence("0-g2o");
    REQUIRE(none);
    CHECK(none->empty());
}

TEST_CASE("couch sequence: what is none") {
    for (const char* text : {"", "12", "12-", "12-x", "1-g2wAAAABaAJkAAFhZAABYmo", "g", "0-g2o0"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_couch_sequence(text));
    }
    // More than is unpacked: 300,000 equal bytes, packed to a few hundred.
    const std::string large = "\x6d" + std::string("\0\x04\x93\xe0", 4) + std::string(300'000, 'a');
    std::string packed(compressBound(large.size()), '\0');
    auto size = static_cast<uLongf>(packed.size());
    REQUIRE(compress(reinterpret_cast<Bytef*>(packed.data()), &size,
                     reinterpret_cast<const Bytef*>(large.data()), large.size()) == Z_OK);
    packed.resize(size);
    CHECK_FALSE(parse_couch_sequence(
        base64url_encode(std::string("\x83\x50\x00\x04\x93\xe5", 6) + packed)));
}

TEST_CASE("couch sequence: any bytes are read or refused") {
    const std::string good =
        "g2wAAAACaANkABFjb3VjaGRiQDEyNy4wLjAuMWwAAAACYQBif____2poA2EMbQAAAAcwZjNhNWMxZAARY291"
        "Y2hkYkAxMjcuMC4wLjFoA2QAEWNvdWNoZGJAMTI3LjAuMC4xbAAAAAJuBAAAAACAbgQA_____2poA24FAADyBS"
        "oBbQAAAAc5ZThkN2M2ZAANb2xkQDEyNy4wLjAuMWo";
    std::minstd_rand random(5);
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (int n = 0; n < 20'000; ++n) {
        auto text = good;
        for (int changes = 0; changes < 3; ++changes) {
            text[random() % text.size()] = alphabet[random() % alphabet.size()];
        }
        if (n % 5 == 0) text.resize(random() % text.size());
        parse_couch_sequence(text);
    }
}

}  // namespace divan::storage
