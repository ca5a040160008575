#include "storage/base/json_normaliser.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/digest.h"
#include "storage/base/json.h"

namespace divan {
namespace {

/// The external term of a value, in hexadecimal.
std::string term_of(std::string_view json) {
    JsonNormaliser normaliser;
    const std::string object = "{\"v\":" + std::string(json) + '}';
    REQUIRE(normaliser.load(object));
    REQUIRE(normaliser.root_object());
    REQUIRE(normaliser.at_end());
    std::string text, term;
    normaliser.append_live_members(text, term);
    // A tuple of one list of one pair, whose key is "v"; the list's end.
    constexpr std::size_t before = 2 + 5 + 2 + 6;
    return hex_encode(std::string_view(term).substr(before, term.size() - before - 1));
}

std::string normalised(std::string_view json) {
    JsonNormaliser normaliser;
    std::string text;
    if (normaliser.load(json) && normaliser.value() && normaliser.at_end()) {
        normaliser.append_live_text(text);
    }
    return text;
}

}  // namespace

TEST_CASE("terms: each kind of value") {
    const std::pair<const char*, const char*> cases[] = {
        {"true", "64000474727565"},
        {"false", "64000566616c7365"},
        {"null", "6400046e756c6c"},
        {"0", "6100"},
        {"-0", "6100"},
        {"255", "61ff"},
        {"256", "6200000100"},
        {"-1", "62ffffffff"},
        {"2147483647", "627fffffff"},
        {"-2147483648", "6280000000"},
        {"2147483648", "6e040000000080"},
        {"-2147483649", "6e040101000080"},
        {"9223372036854775807", "6e0800ffffffffffffff7f"},
        {"9223372036854775808", "6e08000000000000000080"},
        {"-18446744073709551616", "6e0901000000000000000001"},
        {"999999999999999999", "6e0800ffff63a7b3b6e00d"},
        {"1.0", "463ff0000000000000"},
        {"-0.0", "468000000000000000"},
        {"\"\"", "6d00000000"},
        {R"("\u00e9")", "6d00000002c3a9"},
        {"[]", "6a"},
        {"[1,2]", "6b00020102"},
        {"[1,256]", "6c00000002610162000001006a"},
        {"[1.0]", "6c00000001463ff00000000000006a"},
        {"[[1],[]]", "6c000000026b0001016a6a"},
        {"{}", "68016a"},
        {R"({"a":{}})",
         "68016c0000000168026d0000000161"
         "68016a"
         "6a"}};
    for (const auto& [json, term] : cases) {
        CAPTURE(json);
        CHECK(term_of(json) == term);
    }
}

TEST_CASE("terms: a list of small integers is written shorter up to 65535 of them") {
    std::string items = "7";
    for (int i = 1; i < 65'535; ++i) items += ",7";
    CHECK(term_of('[' + items + ']').substr(0, 8) == "6bffff07");
    CHECK(term_of('[' + items + ",7]").substr(0, 14) == "6c000100006107");
}

TEST_CASE("terms: an integer of more than 255 bytes has a longer count") {
    const std::string digits(700, '9');
    CHECK(term_of(digits).substr(0, 12) == "6f0000012300");
    CHECK(term_of('-' + digits).substr(0, 12) == "6f0000012301");
}

TEST_CASE("normaliser: repeated keys are found among few members and among many") {
    std::mt19937 random(11);
    for (int round = 0; round < 2'000; ++round) {
        const std::size_t count = 1 + random() % (round % 10 == 0 ? 200 : 20);
        std::vector<std::pair<std::string, int>> expected;
        std::string json;
        for (std::size_t i = 0; i < count; ++i) {
            const auto key = std::string(random() % 12, 'k') + std::to_string(random() % count);
            const auto same = [&](const auto& member) { return member.first == key; };
            expected.erase(std::remove_if(expected.begin(), expected.end(), same), expected.end());
            expected.emplace_back(key, static_cast<int>(i));
            json += (i == 0 ? "{" : ",") + json_string(key) + ':' + std::to_string(i);
        }
        std::string text;
        for (const auto& [key, number] : expected) {
            text += (text.empty() ? "{" : ",") + json_string(key) + ':' + std::to_string(number);
        }
        CHECK(normalised(json + '}') == text + '}');
        // The same as the value of a member that comes again, and of one that does not.
        CHECK(normalised("{\"a\":" + json + "},\"b\":" + json + "},\"a\":0}") ==
              "{\"b\":" + text + "},\"a\":0}");
    }
}

TEST_CASE("normaliser: many repeated keys at every depth do not take the square of the time") {
    std::string json;
    constexpr int depth = 9'999;
    for (int i = 0; i < depth; ++i) json += R"({"a":1,"a":)";
    json += "0" + std::string(depth, '}');
    std::string text;
    for (int i = 0; i < depth; ++i) text += R"({"a":)";
    CHECK(normalised(json) == text + "0" + std::string(depth, '}'));
}

TEST_CASE("normaliser: containers nest 10000 deep, not without end") {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    CHECK(normalised(nested(10'001)).size() == 20'002);  // The innermost is empty.
    CHECK(normalised(nested(10'002)).empty());
}

}  // namespace divan
