#include "tools/tidy/code.h"

#include <doctest/doctest.h>

namespace divan::tidy {

TEST_CASE("tidy code: comments and literals become blanks, all else keeps its place") {
    struct Case {
        const char* text;
        const char* code;
    };
    for (const auto& [text, code] : {
             Case{"a // b\nc", "a     \nc"},
             Case{"a /* b\nc */ d", "a     \n     d"},
             Case{"f(\"{\");", "f(   );"},
             Case{"f(\"\\\"{\");", "f(     );"},
             Case{"f('{');", "f(   );"},
             Case{"f('\\'');", "f(    );"},
             Case{"x = 1'000'000;", "x = 1'000'000;"},
             Case{"f(R\"(a \" b)\");", "f(R         );"},
             Case{"f(R\"x(a)\" b)x\");", "f(R           );"},
         }) {
        CAPTURE(text);
        CHECK(without_comments(text) == code);
    }
}

TEST_CASE("tidy code: lines, brackets and widths are counted") {
    CHECK(lines_of("a\n\nb").size() == 3);
    CHECK(lines_of("a\n").size() == 1);
    CHECK(line_at("a\nb\nc", 4) == 3);
    CHECK(closing("{a{b}c}d", 0) == 6);
    CHECK(closing("(a", 0) == std::string_view::npos);
    CHECK(width_of("caf\xc3\xa9") == 4);
}

}  // namespace divan::tidy
