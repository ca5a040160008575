#include "storage/query/index/collation_key.h"

#include <doctest/doctest.h>

#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "storage/query/collation.h"

namespace divan::storage {
namespace {

int sign(int value) {
    return value < 0 ? -1 : (value > 0 ? 1 : 0);
}

int by_bytes(const std::string& a, const std::string& b, Collation collation) {
    return sign(
        collation_key(JsonText(a), collation).compare(collation_key(JsonText(b), collation)));
}

void check_pair(const std::string& a, const std::string& b) {
    CAPTURE(a);
    CAPTURE(b);
    CHECK(by_bytes(a, b, Collation::unicode) == sign(compare(JsonText(a), JsonText(b))));
    CHECK(by_bytes(a, b, Collation::raw) == sign(compare_raw(JsonText(a), JsonText(b))));
}

const std::vector<std::string>& samples() {
    static const std::vector<std::string> all = [] {
        std::vector<std::string> values = {"null",
                                           "false",
                                           "true",
                                           "0",
                                           "-0.0",
                                           "0.0",
                                           "1",
                                           "1.0",
                                           "-1",
                                           "-1.5",
                                           "1.5",
                                           "2",
                                           "127",
                                           "128",
                                           "129",
                                           "255",
                                           "256",
                                           "65535",
                                           "65536",
                                           "0.1",
                                           "0.2",
                                           "0.30000000000000004",
                                           "5.0e-324",
                                           "-5.0e-324",
                                           "2.2250738585072014e-308",
                                           "1.7976931348623157e308",
                                           "-1.7976931348623157e308",
                                           "9007199254740991",
                                           "9007199254740992",
                                           "9007199254740993",
                                           "9007199254740992.0",
                                           "9007199254740994.0",
                                           "18446744073709551615",
                                           "18446744073709551616",
                                           "18446744073709551617",
                                           "-18446744073709551616",
                                           "9223372036854775807",
                                           "-9223372036854775808",
                                           "99999999999999999999999",
                                           "100000000000000000000000",
                                           "4294967295",
                                           "4294967296",
                                           "4294967297",
                                           "340282366920938463463374607431768211456",
                                           "340282366920938463463374607431768211457",
                                           R"("")",
                                           R"("a")",
                                           R"("A")",
                                           R"("aa")",
                                           R"("b")",
                                           R"("\u0000")",
                                           R"("a\u0000b")",
                                           R"("a b")",
                                           R"("a-b")",
                                           R"("ab")",
                                           R"("Z")",
                                           "\"\xC3\xA9\"",
                                           "\"e\xCC\x81\"",
                                           "\"\xF0\x9F\x98\x80\"",
                                           "\"\xEF\xBF\xBF\"",
                                           "[]",
                                           "[[]]",
                                           "[null]",
                                           "[1]",
                                           "[1,2]",
                                           "[1,null]",
                                           R"(["a"])",
                                           R"(["a",1])",
                                           R"(["ab"])",
                                           R"(["a","b"])",
                                           "{}",
                                           R"({"a":1})",
                                           R"({"a":1,"b":2})",
                                           R"({"a":2})",
                                           R"({"b":1,"a":2})",
                                           R"({"":{}})",
                                           R"([{"a":[]},{}])"};
        return values;
    }();
    return all;
}

std::string random_number(std::mt19937_64& random) {
    switch (random() % 4) {
        case 0:
            return std::to_string(static_cast<std::int64_t>(random()) >> (random() % 64));
        case 1: {
            std::string out;
            append_json_double(
                out, static_cast<double>(static_cast<std::int64_t>(random()) >> (random() % 64)) /
                         static_cast<double>(1ULL << (random() % 40)));
            return out;
        }
        case 2: {
            std::string digits = random() % 2 == 0 ? "-" : "";
            digits.push_back(static_cast<char>('1' + random() % 9));
            for (auto n = random() % 60; n > 0; --n) {
                digits.push_back(static_cast<char>('0' + random() % 10));
            }
            return digits;
        }
        default:
            return std::to_string(random() % 5);
    }
}

std::string random_value(std::mt19937_64& random, int depth) {
    const auto kind = random() % (depth > 0 ? 7 : 5);
    if (kind < 2) return random_number(random);
    if (kind == 2) return random() % 2 == 0 ? "null" : (random() % 2 == 0 ? "true" : "false");
    if (kind < 5) {
        static const char* const pieces[] = {"a",       "A", "b",        "e\xCC\x81", "\xC3\xA9",
                                             "\\u0001", " ", "\xC3\x9F", "-",         "z"};
        std::string text = "\"";
        for (auto n = random() % 4; n > 0; --n) text += pieces[random() % std::size(pieces)];
        return text + "\"";
    }
    const bool object = kind == 6;
    std::string text = object ? "{" : "[";
    for (auto n = random() % 3, i = n; i > 0; --i) {
        if (i != n) text += ",";
        if (object) text += i % 2 == 0 ? "\"k\":" : "\"K\":";
        text += random_value(random, depth - 1);
    }
    return text + (object ? "}" : "]");
}

}  // namespace

TEST_CASE("bytes of collation keys have the order of the values") {
    for (const auto& a : samples()) {
        for (const auto& b : samples()) check_pair(a, b);
    }
}

TEST_CASE("random values: byte order is collation, and no key starts another") {
    std::mt19937_64 random(20261121);
    for (int round = 0; round < 20000; ++round) {
        const auto a = random_value(random, 3);
        const auto b = random_value(random, 3);
        check_pair(a, b);
        const auto x = collation_key(JsonText(a), Collation::unicode);
        const auto y = collation_key(JsonText(b), Collation::unicode);
        if (x != y) CHECK_FALSE(x.starts_with(y));
    }
}

TEST_CASE("the collation table's orders are those of the keys' bytes") {
    std::ifstream table("test/conformance/tables/collation.jsonl");
    REQUIRE(table.good());
    std::string line;
    while (std::getline(table, line)) {
        const auto parsed = parse_json(line).value();
        const auto keys = parsed.find("keys")->items();
        const auto order = parsed.find("answer")->find("order")->items();
        REQUIRE(order.size() > 400);
        for (std::size_t i = 1; i < order.size(); ++i) {
            const auto before = static_cast<std::size_t>(*order[i - 1].integer());
            const auto after = static_cast<std::size_t>(*order[i].integer());
            const auto a = keys[before].dump();
            const auto b = keys[after].dump();
            CAPTURE(a);
            CAPTURE(b);
            const int found = by_bytes(a, b, Collation::unicode);
            CHECK((found < 0 || (found == 0 && before < after)));
        }
    }
}

TEST_CASE("a group is the common start of its arrays' keys") {
    const auto group = [](const char* text, std::size_t items) {
        const JsonText value(text);
        return collation_key(value, Collation::unicode)
            .substr(0, group_prefix_bytes(value, items, Collation::unicode));
    };
    CHECK(group("[1,2,3]", 2) == group("[1,2]", 2));
    CHECK(group("[1,2,3]", 1) == group("[1.0]", 1));
    CHECK(group("[1]", 2) != group("[1,2]", 2));
    CHECK(group("[1]", 2) == collation_key(JsonText("[1]"), Collation::unicode));
    CHECK(group("5", 1) == collation_key(JsonText("5"), Collation::unicode));
}

}  // namespace divan::storage
