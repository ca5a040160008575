#include "storage/base/json.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace divan {
namespace {

/// As CouchDB writes it; "refused" where it is none.
std::string normalised(std::string_view text) {
    const auto value = parse_json(text);
    return value ? value->dump() : "refused";
}

std::string repeated(std::string_view text, int count) {
    std::string out;
    while (count-- > 0) out += text;
    return out;
}

}  // namespace

TEST_CASE("json: numbers are printed as CouchDB does") {
    const std::pair<const char*, const char*> cases[] = {
        {"0", "0"},
        {"-0", "0"},
        {"-0.0", "0.0"},
        {"-0e5", "0.0"},
        {"1", "1"},
        {"-1", "-1"},
        {"1.0", "1.0"},
        {"1e2", "100.0"},
        {"1E+2", "100.0"},
        {"10e-1", "1.0"},
        {"0.1", "0.1"},
        {"1e20", "100000000000000000000.0"},
        {"1e21", "1e+21"},
        {"1e22", "1e+22"},
        {"123456.789e3", "123456789.0"},
        {"1234.5e-1", "123.45"},
        {"0.000001", "0.000001"},
        {"0.0000012", "0.0000012"},
        {"1e-7", "1e-7"},
        {"-1.5e300", "-1.5e+300"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        {"1e-310", "1e-310"},
        {"1e-400", "0.0"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"9007199254740993", "9007199254740993"},
        {"123456789012345678901234567890", "123456789012345678901234567890"},
        {"-9223372036854775809", "-9223372036854775809"}};
    for (const auto& [sent, printed] : cases) {
        CAPTURE(sent);
        CHECK(normalised(sent) == printed);
    }
}

TEST_CASE("json: jiffy's own ideas of numbers are kept") {
    CHECK(normalised("1e+") == "1.0");
    CHECK(normalised("1.5E-") == "1.5");
    CHECK(normalised("10000000000000000000000000000000e+") == "refused");
    CHECK(normalised("5e-324") == "0.0");  // 5 times 10 to the -324, which is none.
    CHECK(normalised("5.0e-324") == "5e-324");
    CHECK(normalised("100000000000000000000000000000000e-32") == "1.0");
}

TEST_CASE("json: what is no number is refused") {
    for (const char* bad :
         {"01",       "-",      "+1",      ".5",    "1.",    "1e", "0x10", "NaN",
          "Infinity", "1_0",    "- 1",     "1.e3",  "--1",   "00", "-01",  "1 2",
          "1e400",    "-1e309", "1.5e999", "1e++1", "1e5.0", "1a", "1\f",  "1\"\""}) {
        CAPTURE(bad);
        CHECK(normalised(bad) == "refused");
    }
    CHECK(normalised(repeated("9", 10'000)) == repeated("9", 10'000));
    CHECK(normalised(repeated("9", 10'001)) == "refused");
}

TEST_CASE("json: strings are decoded and escaped anew") {
    const std::pair<const char*, const char*> cases[] = {
        {R"("")", R"("")"},
        {R"("\u0041\u00e9\u20AC\ud83d\ude00")", "\"A\u00e9\u20ac\U0001f600\""},
        {R"("\"\\\/\b\f\n\r\t")", R"("\"\\/\b\f\n\r\t")"},
        {R"("\u0000\u001f\u007f\u0022\u005c")", "\"\\u0000\\u001F\x7f\\\"\\\\\""},
        {R"("\u2028<script>")", "\"\u2028<script>\""}};
    for (const auto& [sent, printed] : cases) {
        CAPTURE(sent);
        CHECK(normalised(sent) == printed);
    }
    CHECK(parse_json(R"("a\u0000b")")->string() == std::string("a\0b", 3));
}

TEST_CASE("json: what is no string, or no UTF-8, is refused") {
    for (const char* bad : {R"("\ud800")",
                            R"("\udc00")",
                            R"("\ude00\ud83d")",
                            R"("\ud83dx")",
                            R"("\ud83d\u0041")",
                            R"("\ud83d\)",
                            R"("\x41")",
                            R"("\u12")",
                            R"("\u12g4")",
                            "\"line\nbreak\"",
                            "\"tab\tinside\"",
                            "\"open",
                            "\"\\",
                            "\"\\\"",
                            "'a'",
                            "\"\xff\"",
                            "\"\xc0\x80\"",
                            "\"\xed\xa0\x80\"",
                            "\"\xf4\x90\x80\x80\"",
                            "\xef\xbb\xbf{}",
                            "\"a\"b",
                            "\"a\"\"b\"",
                            "\"\xe9\""}) {
        CAPTURE(bad);
        CHECK(normalised(bad) == "refused");
    }
    CHECK(normalised(std::string_view("\"\0\"", 3)) == "refused");
    CHECK(normalised(std::string_view("{}\0", 3)) == "refused");
}

TEST_CASE("json: structure") {
    CHECK(normalised(" { \"a\" : [ 1 , {} ,\n[ ] ] ,\r\n\t\"b\":null } ") ==
          R"({"a":[1,{},[]],"b":null})");
    CHECK(normalised("true") == "true");
    CHECK(normalised("false ") == "false");
    for (const char* bad : {"",
                            "  ",
                            "{",
                            "}",
                            "[",
                            "]",
                            "[1",
                            "[1,]",
                            "[,1]",
                            "[1 2]",
                            "{}}",
                            "{},",
                            "{,}",
                            R"({"a"})",
                            R"({"a":})",
                            R"({"a":1,})",
                            R"({"a"=1})",
                            "{a:1}",
                            "{1:2}",
                            R"({"a":1 "b":2})",
                            R"({"a"::1})",
                            R"([1}])",
                            R"({"a":1])",
                            "tru",
                            "truex",
                            "nul",
                            "True",
                            "undefined",
                            "/**/1",
                            "[]1",
                            "1,2",
                            ",",
                            ":",
                            R"(["a":1])",
                            R"({"a","b"})",
                            "[1\f]",
                            "[1\v,2]",
                            "\xc2\xa0"
                            "1"}) {
        CAPTURE(bad);
        CHECK(normalised(bad) == "refused");
    }
}

TEST_CASE("json: of a repeated key the last value remains, at its own place") {
    CHECK(normalised(R"({"a":1,"b":2,"a":3,"c":4})") == R"({"b":2,"a":3,"c":4})");
    CHECK(normalised(R"({"a":1,"\u0061":2})") == R"({"a":2})");
    CHECK(normalised(
              R"({"o":{"k":{"x":1,"x":2},"l":0,"k":{"y":1,"z":2,"y":3}},"a":[{"":1,"":2}]})") ==
          R"({"o":{"l":0,"k":{"z":2,"y":3}},"a":[{"":2}]})");
}

TEST_CASE("json: a tree nests 2000 deep, not without end") {
    CHECK(normalised(repeated("[", 2'000) + repeated("]", 2'000)).size() == 4'000);
    CHECK(normalised(repeated("[", 2'002) + repeated("]", 2'002)) == "refused");
    CHECK(normalised(repeated("[", 1'000'000)) == "refused");
    CHECK(normalised(repeated("{\"a\":", 1'000'000)) == "refused");
}

TEST_CASE("json: a tree can be asked for what it holds") {
    const auto value =
        parse_json(R"({"s":"x","i":-12,"d":2.5,"big":1e3,"t":true,"l":[1,"2"],"n":null})");
    REQUIRE(value.has_value());
    CHECK(value->find("s")->string() == "x");
    CHECK(value->find("i")->integer() == -12);
    CHECK(value->find("i")->number() == -12.0);
    CHECK_FALSE(value->find("d")->integer().has_value());
    CHECK(value->find("d")->number() == 2.5);
    CHECK_FALSE(value->find("big")->integer().has_value());
    CHECK(value->find("big")->number() == 1000.0);
    CHECK(value->find("t")->boolean());
    CHECK(value->find("l")->items().size() == 2);
    CHECK(value->find("l")->items()[1].string() == "2");
    CHECK(value->find("n")->is_null());
    CHECK(value->find("none") == nullptr);
    CHECK(value->members().size() == 7);
    CHECK(value->find("s")->find("x") == nullptr);
    CHECK_FALSE(parse_json("99999999999999999999")->integer().has_value());
}

TEST_CASE("json: the refusal is CouchDB's") {
    CHECK(parse_json("{").error() == Error{Code::bad_request, "invalid UTF-8 JSON", {}});
}

}  // namespace divan
