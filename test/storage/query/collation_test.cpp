#include "storage/query/collation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <vector>

#include "storage/base/bytes.h"

namespace divan::storage {
namespace {

int order(std::string_view a, std::string_view b) {
    return compare(JsonText(a), JsonText(b));
}

}  // namespace

TEST_CASE("values are ordered by type, then by value") {
    const std::vector<const char*> ascending = {
        "null", "false", "true", "-1e30", "-2", "-1.5", "0", "1", "1.5", "2", "1e300",
        "1.5e+300", R"("")", R"("a")", R"("A")", R"("aa")", R"("b")",
        R"("B")", R"("ba")", "[]", R"(["a"])", R"(["a","b"])", R"(["b"])", "[[]]", "{}",
        R"({"a":1})", R"({"a":2})", R"({"a":2,"b":1})", R"({"b":1})", R"({"b":2})"};
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        for (std::size_t j = 0; j < ascending.size(); ++j) {
            CAPTURE(ascending[i]);
            CAPTURE(ascending[j]);
            const int expected = i < j ? -1 : (i > j ? 1 : 0);
            CHECK(order(ascending[i], ascending[j]) == expected);
        }
    }
}

TEST_CASE("strings that Unicode calls equal are equal, and byte order is another order") {
    CHECK(order("\"\xC3\xA9\"", "\"e\xCC\x81\"") == 0);
    CHECK(compare_raw(JsonText("\"\xC3\xA9\""), JsonText("\"e\xCC\x81\"")) > 0);
    CHECK(order(R"("a\u0000b")", R"("ab")") == 0);
    CHECK(order(R"("\u00e9")", "\"\xC3\xA9\"") == 0);
}

TEST_CASE("numbers compare exactly, whatever their size and form") {
    CHECK(order("1", "1.0") == 0);
    CHECK(order("9007199254740993", "9007199254740992") > 0);
    CHECK(order("9007199254740993", "9007199254740992.0") > 0);
    CHECK(order("100000000000000000000000", "99999999999999999999999") > 0);
    CHECK(order("-100000000000000000000000", "-99999999999999999999999") < 0);
    CHECK(order("-0.0", "0") == 0);
}

TEST_CASE("raw order is Erlang's") {
    const std::vector<const char*> ascending = {"1",   "false", "null", "true", "{}",
                                                R"({"a":1})", "[]", "[1]", R"("B")", R"("a")"};
    for (std::size_t i = 0; i + 1 < ascending.size(); ++i) {
        CAPTURE(ascending[i]);
        CHECK(compare_raw(JsonText(ascending[i]), JsonText(ascending[i + 1])) < 0);
    }
}

TEST_CASE("keys sort as CouchDB 3.5.0 sorted them in a view") {
    std::ifstream table("test/conformance/tables/collation.jsonl");
    REQUIRE(table);
    std::string line;
    int compared = 0;
    while (std::getline(table, line)) {
        const auto row = parse_json(line).value();
        const auto* keys = row.find("keys");
        const auto* answer = row.find("answer");
        const auto* ids = answer != nullptr ? answer->find("order") : nullptr;
        if (keys == nullptr || ids == nullptr) continue;
        std::vector<std::string> texts;
        for (const auto& key : keys->items()) texts.push_back(key.dump());
        std::vector<std::size_t> sorted(texts.size());
        std::iota(sorted.begin(), sorted.end(), std::size_t{0});
        std::stable_sort(sorted.begin(), sorted.end(), [&](std::size_t a, std::size_t b) {
            return order(texts[a], texts[b]) < 0;
        });
        std::vector<std::size_t> expected;
        for (const auto& id : ids->items()) {
            expected.push_back(static_cast<std::size_t>(id.integer().value()));
        }
        // The record lacks a few keys that JavaScript did not emit as they were.
        std::erase_if(sorted, [&](std::size_t key) {
            return std::find(expected.begin(), expected.end(), key) == expected.end();
        });
        CHECK(expected.size() > 400);
        CHECK(sorted == expected);
        ++compared;
    }
    CHECK(compared > 0);
}

TEST_CASE("text that is no JSON is corrupt, not a crash") {
    for (const char* bad : {"", "[1", R"({"a")", R"({"a":)", R"("abc)", R"({"a" 1})", "[1 2]"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(identical(JsonText(bad), JsonText(bad)), CorruptBytes);
    }
}

}  // namespace divan::storage
