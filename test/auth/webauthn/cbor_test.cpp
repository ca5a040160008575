#include "auth/webauthn/cbor.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "storage/base/digest.h"
#include "test/auth/webauthn/w3c_vectors.h"

namespace divan::auth::webauthn {
namespace {

Bytes bytes(std::string_view hex) {
    return hex_decode(hex).value();
}

std::string refusal_of(const Bytes& cbor, CborOrder order = CborOrder::canonical) {
    const auto parsed = parse_cbor(cbor, order);
    return parsed ? std::string("(accepted)") : parsed.error().reason;
}

}  // namespace

TEST_CASE("cbor: reads every kind of value") {
    const auto input = bytes(
        "a9"
        "01"
        "18ff"  // 1: 255
        "20"
        "3903e7"  // -1: -1000
        "6161"
        "43010203"  // "a": bytes
        "6162"
        "62c3bc"  // "b": "ü"
        "6163"
        "8301f5f4"  // "c": [1, true, false]
        "6164"
        "f6"  // "d": null
        "6165"
        "fb3ff0000000000000"  // "e": 1.0
        "6166"
        "a0"  // "f": {}
        "6167"
        "1b7fffffffffffffff");
    const auto value = parse_cbor(input, CborOrder::canonical).value();
    CHECK(value.members().size() == 9);
    CHECK(value.find(1)->integer() == 255);
    CHECK(value.find(-1)->integer() == -1000);
    CHECK(value.find("a")->bytes() == BytesView("\1\2\3"));
    CHECK(value.find("b")->text() == "ü");
    REQUIRE(value.find("c")->items().size() == 3);
    CHECK(value.find("c")->items()[1].boolean() == true);
    CHECK(value.find("c")->items()[2].boolean() == false);
    CHECK(value.find("d")->kind() == CborValue::Kind::null);
    CHECK(value.find("e")->kind() == CborValue::Kind::floating);
    CHECK(value.find("f")->is_map());
    CHECK(value.find("g")->integer() == 9223372036854775807);
    CHECK(value.find("h") == nullptr);
    CHECK_FALSE(value.find("a")->text());
    CHECK_FALSE(value.find("a")->integer());
}

TEST_CASE("cbor: what is not of the strict form is refused, each with its reason") {
    const std::pair<const char*, const char*> cases[] = {
        {"",                   "CBOR ends too early"                                },
        {"18",                 "CBOR ends too early"                                },
        {"430102",             "CBOR ends too early"                                },
        {"a1",                 "CBOR ends too early"                                },
        {"a101",               "CBOR ends too early"                                },
        {"8201",               "CBOR ends too early"                                },
        {"5b7fffffffffffffff", "CBOR ends too early"                                },
        {"5bffffffffffffffff", "CBOR ends too early"                                },
        {"7affffffff",         "CBOR ends too early"                                },
        {"9b7fffffffffffffff", "CBOR ends too early"                                },
        {"bbffffffffffffffff", "CBOR ends too early"                                },
        {"0000",               "CBOR with bytes after its end"                      },
        {"1817",               "CBOR number in more bytes than it needs"            },
        {"1900ff",             "CBOR number in more bytes than it needs"            },
        {"1a0000ffff",         "CBOR number in more bytes than it needs"            },
        {"1b00000000ffffffff", "CBOR number in more bytes than it needs"            },
        {"580101",             "CBOR number in more bytes than it needs"            },
        {"1bffffffffffffffff", "CBOR number too big"                                },
        {"5f4101ff",           "CBOR of indefinite length"                          },
        {"9f01ff",             "CBOR of indefinite length"                          },
        {"bf0101ff",           "CBOR of indefinite length"                          },
        {"ff",                 "CBOR of indefinite length"                          },
        {"1c",                 "CBOR of indefinite length"                          },
        {"c001",               "CBOR with tags"                                     },
        {"f8ff",               "CBOR with an unknown simple value"                  },
        {"e0",                 "CBOR with an unknown simple value"                  },
        {"62c328",             "CBOR text is no UTF-8"                              },
        {"a201010102",         "CBOR map whose keys are not in canonical order"     },
        {"a202010102",         "CBOR map whose keys are not in canonical order"     },
        {"a1f501",             "CBOR map with a key that is neither number nor text"},
        {"a1410101",           "CBOR map with a key that is neither number nor text"},
    };
    for (const auto& [hex, reason] : cases) {
        CAPTURE(hex);
        CHECK(refusal_of(bytes(hex)) == reason);
    }
}

TEST_CASE("cbor: the order of keys counts where it is asked for, a key twice never passes") {
    const auto unsorted = bytes("a262626201616101");  // "bb", "a"
    CHECK(refusal_of(unsorted) == "CBOR map whose keys are not in canonical order");
    CHECK(refusal_of(unsorted, CborOrder::any) == "(accepted)");
    const auto twice = bytes("a3010102020103");
    CHECK(refusal_of(twice, CborOrder::any) == "CBOR map with a key that occurs twice");
}

TEST_CASE("cbor: depth is bounded") {
    const auto nested = [](std::size_t arrays) { return Bytes(arrays, '\x81') + '\x01'; };
    CHECK(refusal_of(nested(cbor_depth_max - 1)) == "(accepted)");
    CHECK(refusal_of(nested(cbor_depth_max)) == "CBOR is nested too deep");
    CHECK(refusal_of(nested(1'000'000)) == "CBOR is nested too deep");
    Bytes maps;
    for (int i = 0; i < 100'000; ++i) maps += "\xa1\x01";
    CHECK(refusal_of(maps) == "CBOR is nested too deep");
}

TEST_CASE("cbor: a prefix says how much it took") {
    const auto input = bytes("a10102ffff");
    const auto prefix = parse_cbor_prefix(input, CborOrder::canonical).value();
    CHECK(prefix.size == 3);
    CHECK(prefix.value.find(1)->integer() == 2);
}

// Strategy: attestation objects with bytes changed, cut and doubled at random, from a fixed seed.
// Invariants: an answer, never a crash or a read outside (sanitizers see those); what is accepted
// in canonical order is accepted in any.
TEST_CASE("cbor: survives changed attestation objects") {
    std::mt19937 random(7);
    std::vector<Bytes> seeds;
    for (const auto& vector : w3c_packed_vectors) seeds.push_back(bytes(vector.attestation_object));
    for (int round = 0; round < 20'000; ++round) {
        auto input = seeds[random() % seeds.size()];
        for (auto changes = random() % 4; changes-- > 0;) {
            input[random() % input.size()] = static_cast<char>(random());
        }
        if (random() % 2 == 0) input.resize(random() % input.size());
        if (random() % 8 == 0) input += input;
        const bool canonical = parse_cbor(input, CborOrder::canonical).has_value();
        const bool any = parse_cbor(input, CborOrder::any).has_value();
        REQUIRE((!canonical || any));
    }
}

}  // namespace divan::auth::webauthn
