#include "storage/document/revision.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace divan::storage {

TEST_CASE("revisions: what is read prints the same, but for case and leading zeros") {
    const std::pair<const char*, const char*> cases[] = {
        {"1-abc", "1-abc"},
        {"1-", "1-"},
        {"0-abc", "0-abc"},
        {"01-abc", "1-abc"},
        {"+1-abc", "1-abc"},
        {"1-a-b", "1-a-b"},
        {"12-0123456789abcdef0123456789abcdef", "12-0123456789abcdef0123456789abcdef"},
        {"1-0123456789ABCDEF0123456789ABCDEF", "1-0123456789abcdef0123456789abcdef"},
        {"1-0123456789abcdef0123456789abcdef0", "1-0123456789abcdef0123456789abcdef0"},
        // No hexadecimal is looked for in generation 0, and none is printed.
        {"0-gggggggggggggggggggggggggggggggg", "0-gggggggggggggggggggggggggggggggg"},
        {"0-abcdefghijklmnop", "0-abcdefghijklmnop"},
        // Sixteen bytes print as hexadecimal, whoever chose them.
        {"1-abcdefghijklmnop", "1-6162636465666768696a6b6c6d6e6f70"},
        {"99999999999999999999-abc", "9223372036854775807-abc"}};
    for (const auto& [sent, printed] : cases) {
        CAPTURE(sent);
        CHECK(to_string(parse_revision(sent).value()) == printed);
    }
}

TEST_CASE("revisions: what is none is refused") {
    for (const char* bad : {"", "abc", "1", "-1", "-abc", "x-abc", "-1-abc", "1.0-abc", " 1-abc",
                            "1 -abc", "+-abc", "1-gggggggggggggggggggggggggggggggg"}) {
        CAPTURE(bad);
        CHECK(parse_revision(bad).error() == Error{Code::bad_request, "Invalid rev format", {}});
    }
}

TEST_CASE("revisions: order is by generation, then by bytes") {
    const auto less = [](const char* a, const char* b) {
        return parse_revision(a).value() < parse_revision(b).value();
    };
    CHECK(less("1-b", "2-a"));
    CHECK(less("9-b", "10-a"));
    CHECK(less("2-a", "2-b"));
    CHECK(less("2-a", "2-aa"));
    CHECK(less("2-\x7f", "2-\x80"));
    CHECK_FALSE(less("2-a", "2-a"));
}

}  // namespace divan::storage
