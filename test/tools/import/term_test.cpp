#include "tools/import/couch_file/term.h"

#include <doctest/doctest.h>

#include <random>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/document/client_document.h"
#include "tools/import/couch_file/damage.h"

namespace divan::import {
namespace {

std::string hex(std::string_view text) {
    return hex_decode(text).value();
}

std::string json(std::string_view term_hex) {
    return json_of_term(hex(term_hex));
}

// Any value, of many kinds.
void append_random_term(std::string& out, std::minstd_rand& random, int depth) {
    static const std::vector<std::string> texts = {
        "a",        "b",    "_id", "_x",  "_replication_state", "a\"b",    "\x01",
        "\xc3\xa4", "\x7f", "",    "\\", "a long text of it",  "eight  8", "eight \xe2\x82\xac"};
    const auto text = [&] {
        const auto& one = texts[random() % texts.size()];
        out.push_back('\x6d');
        ByteWriter(out).u32(static_cast<std::uint32_t>(one.size()));
        out += one;
    };
    const auto kind = depth == 0 ? 6 : random() % (depth > 4 ? 5 : 7);
    const auto count = static_cast<std::uint32_t>(random() % 5);
    switch (kind) {
        case 0: out += {'\x61', static_cast<char>(random())}; break;
        case 1:
            out.push_back('\x62');
            ByteWriter(out).u32(static_cast<std::uint32_t>(random() * 5));
            break;
        case 2:
            out.push_back('\x46');
            ByteWriter(out).u32(static_cast<std::uint32_t>(random()) % 0x7ff00000);
            ByteWriter(out).u32(static_cast<std::uint32_t>(random()));
            break;
        case 3: out += hex(random() % 2 == 0 ? "64000474727565" : "6400046e756c6c"); break;
        case 4: text(); break;
        default:
            if (kind == 6) out += hex("6801");
            if (count > 0) {
                out.push_back('\x6c');
                ByteWriter(out).u32(count);
            }
            for (std::uint32_t at = 0; at < count; ++at) {
                if (kind == 6) {
                    out += hex("6802");
                    text();
                }
                append_random_term(out, random, depth + 1);
            }
            out.push_back('\x6a');
    }
}

}  // namespace

TEST_CASE("term: JSON that says that it is normal is not changed by being read again") {
    std::minstd_rand random(3);
    int normal_ones = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string term;
        append_random_term(term, random, 0);
        bool normal = false;
        const auto json = json_of_term(term, &normal);
        CAPTURE(json);
        if (!normal) continue;
        ++normal_ones;
        CHECK(storage::parse_client_document(json).value().body == json);
    }
    CHECK(normal_ones > 2'000);
    const auto is_normal = [](std::string_view term_hex) {
        bool normal = false;
        json_of_term(hex(term_hex), &normal);
        return normal;
    };
    CHECK(is_normal("68016c0000000268026d00000001616101" "68026d00000001626102" "6a"));
    CHECK_FALSE(is_normal("68016c0000000268026d00000001616101" "68026d00000001616102" "6a"));
    CHECK_FALSE(is_normal("68016c0000000168026d000000025f6161016a"));
    CHECK_FALSE(is_normal("6105"));
}

TEST_CASE("term: numbers, texts, lists and objects become the JSON that CouchDB prints") {
    CHECK(json("6105") == "5");
    CHECK(json("62ffffffff") == "-1");
    CHECK(json("6e0801ffffffffffffff7f") == "-9223372036854775807");
    CHECK(json("6e0900000000000000000001") == "18446744073709551616");
    CHECK(json("463ff8000000000000") == "1.5");
    CHECK(json("63" "312e35303030303030303030303030303030303030652b30300000000000" "00") == "1.5");
    CHECK(json("64000474727565") == "true");
    CHECK(json("77046e756c6c") == "null");
    CHECK(json("6d00000003c3a962") == "\"éb\"");
    CHECK(json("6a") == "[]");
    CHECK(json("6b0002" "01ff") == "[1,255]");
    CHECK(json("6c00000002610161026a") == "[1,2]");
    CHECK(json("68016a") == "{}");
    CHECK(json("68016c0000000168026d000000016161016a") == "{\"a\":1}");
}

TEST_CASE("term: what is no JSON is refused") {
    for (const auto* bad : {"6802610161016a", "6d00000001ff", "467ff0000000000000",
                            "6c0000000161016101", "68016c000000016101", "6c7fffffff6101", "61",
                            "6d7fffffff41", "70", ""}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(json(bad), Damage);
    }
}

TEST_CASE("term: deep nesting ends in a refusal, not in the stack's end") {
    std::string deep;
    for (int level = 0; level < 1'000'000; ++level) deep += hex("6c00000001");
    CHECK_THROWS_AS(json_of_term(deep), Damage);
    CHECK_THROWS_AS(parse_term("\x83" + deep), Damage);
}

TEST_CASE("term: every form of compression is taken off") {
    CHECK(parse_term(decompress_term(hex("836105"))).integer() == 5);
    const auto deflated = hex("835000000067789ccb664861a7030000dcfe038c");  // 100 sevens
    CHECK(parse_term(decompress_term(deflated)).text == std::string(100, 7));
    CHECK_THROWS_AS(decompress_term(deflated.substr(0, 8)), Damage);
    CHECK_THROWS_AS(decompress_term(hex("01ffffffff7f00")), Damage);
    CHECK_THROWS_AS(decompress_term(hex("28b52ffd00")), Damage);
    CHECK_THROWS_AS(decompress_term(""), Damage);
    CHECK_THROWS_AS(decompress_term("xyz"), Damage);
}

TEST_CASE("term: random bytes are read or refused, never more") {
    std::minstd_rand random(7);
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes(random() % 40, '\0');
        static constexpr unsigned char tags[] = {97, 98, 100, 104, 105, 106, 107, 108, 109, 110};
        for (auto& byte : bytes) {
            byte = static_cast<char>(random() % 3 == 0 ? tags[random() % sizeof tags]
                                                       : random() % 8);
        }
        try {
            parse_term("\x83" + bytes);
        } catch (const Damage&) {
        }
        try {
            json_of_term(bytes);
        } catch (const Damage&) {
        }
    }
}

}  // namespace divan::import
