#include "storage/query/view/reducers.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "storage/base/error.h"
#include "storage/query/view/exact_number.h"

namespace divan::storage {
namespace {

const ReadSetting no_settings = [](std::string_view, std::string_view) {
    return std::optional<std::string>();
};

std::vector<IndexRow> rows_of(const std::vector<std::string>& values) {
    std::vector<IndexRow> rows;
    for (const auto& value : values) rows.push_back({"entry", 3, "\"key\"", value});
    return rows;
}

std::string reduced(std::string_view source, const std::vector<std::string>& values) {
    const auto reducer = make_builtin_reducer(source, no_settings);
    return reducer->finish(reducer->reduce(rows_of(values)));
}

/// The same, where the first `split` values and the others were reduced apart.
std::string rereduced(std::string_view source, std::vector<std::string> values, std::size_t split) {
    const auto reducer = make_builtin_reducer(source, no_settings);
    const auto rest = values.begin() + static_cast<std::ptrdiff_t>(split);
    const auto a = reducer->reduce(rows_of({values.begin(), rest}));
    const auto b = reducer->reduce(rows_of({rest, values.end()}));
    const std::vector<BytesView> parts{a, b};
    return reducer->finish(reducer->rereduce(parts));
}

void check_both(std::string_view source, const std::vector<std::string>& values,
                std::string_view expected) {
    CAPTURE(source);
    CHECK(reduced(source, values) == expected);
    for (std::size_t split = 1; split < values.size(); ++split) {
        CHECK(rereduced(source, values, split) == expected);
    }
}

}  // namespace

TEST_CASE("_sum adds numbers, arrays and objects") {
    check_both("_sum", {"1", "2.5", "-4"}, "-0.5");
    check_both("_sum", {"[1,2]", "[10,20,30]", "5"}, "[16,22,30]");
    check_both("_sum", {R"({"x":1,"y":{"z":2}})", R"({"x":3,"w":1})", R"({"y":{"z":5,"q":1}})"},
               R"({"w":1,"x":4,"y":{"q":1,"z":7}})");
    check_both("_sum", {"9223372036854775807", "1", "-9223372036854775808"}, "0");
    check_both("_sum", {"123456789012345678901234567890", "10"}, "123456789012345678901234567900");
    CHECK(reduced("_sum", {"[]"}) == "[0]");
    CHECK(reduced("_sum", {R"({"b":1,"a":2})"}) == R"({"b":1,"a":2})");
    CHECK(reduced("_summary", {"1"}) == "1");
}

TEST_CASE("_sum answers with an error object where values cannot be added") {
    for (const auto* bad : {"\"x\"", "true", "null"}) {
        const auto text = reduced("_sum", {"1", bad, "2"});
        CHECK(text.starts_with(R"({"error":"builtin_reduce_error","reason":"The _sum function)"));
        CHECK(text.ends_with(std::string(",\"caused_by\":") + bad + "}"));
        CHECK(rereduced("_sum", {"1", bad, "2"}, 2) == text);
    }
    CHECK(reduced("_sum", {"1", R"({"a":1})"}).find("builtin_reduce_error") != std::string::npos);
    CHECK(reduced("_sum", {"[1,\"x\"]"}) == "[1,\"x\"]");
    CHECK(reduced("_sum", {"[1,\"x\"]", "[1,1]"}).find("builtin_reduce_error") !=
          std::string::npos);
}

TEST_CASE("_sum may not grow, unless the settings say so") {
    std::vector<std::string> values;
    for (int i = 0; i < 1000; ++i) values.push_back("{\"member" + std::to_string(i) + "\":1}");
    CHECK(reduced("_sum", values).find("Reduce output must shrink more rapidly") !=
          std::string::npos);
    const auto relaxed = make_builtin_reducer("_sum", [](std::string_view, std::string_view key) {
        return key == "reduce_limit" ? std::optional<std::string>("false") : std::nullopt;
    });
    CHECK(relaxed->reduce(rows_of(values)).starts_with("{\"member0\":1"));
}

TEST_CASE("_count, _stats, _first and _last") {
    check_both("_count", {"1", "null", "\"x\""}, "3");
    check_both("_stats", {"1", "5", "-2"}, R"({"sum":4,"count":3,"min":-2,"max":5,"sumsqr":30})");
    check_both("_stats", {"[1,2]", "[3,4]", "[-1,0.5]"},
               R"([{"sum":3,"count":3,"min":-1,"max":3,"sumsqr":11},)"
               R"({"sum":6.5,"count":3,"min":0.5,"max":4,"sumsqr":20.25}])");
    check_both("_stats", {R"({"sum":10,"count":4,"min":1,"max":4,"sumsqr":30})", "3"},
               R"({"sum":13,"count":5,"min":1,"max":4,"sumsqr":39})");
    check_both("_first", {"\"a\"", "2", "null"}, "\"a\"");
    check_both("_last", {"\"a\"", "2", "null"}, "null");
    for (const auto* bad : {"\"text\"", "null", R"({"sum":1,"count":1})"}) {
        CHECK_THROWS_AS(reduced("_stats", {bad}), Refused);
    }
    CHECK_THROWS_AS(reduced("_stats", {"1", "[1]"}), Refused);
}

TEST_CASE("_top_N and _bottom_N give each value once, by collation") {
    const std::vector<std::string> values{"3", "\"str\"", "1", "3.0", "null", "[1]", "{\"o\":1}"};
    check_both("_top_3", values, R"([{"o":1},[1],"str"])");
    check_both("_bottom_2", values, "[null,1]");
    check_both("_bottom_20", values, R"([null,1,3,"str",[1],{"o":1}])");
    CHECK(make_builtin_reducer("_top_", no_settings) == nullptr);
    CHECK(make_builtin_reducer("_top_x", no_settings) == nullptr);
    CHECK(make_builtin_reducer("_average", no_settings) == nullptr);
}

TEST_CASE("_approx_count_distinct counts keys, exactly where they are few") {
    const auto reducer = make_builtin_reducer("_approx_count_distinct", no_settings);
    std::vector<std::string> keys;
    for (int i = 0; i < 20000; ++i) keys.push_back(std::to_string(i));
    const auto counted = [&](std::size_t count) {
        std::vector<IndexRow> rows;
        for (std::size_t i = 0; i < count; ++i) rows.push_back({"e", 1, keys[i], "1"});
        const auto half = std::span(rows).first(count / 2);
        const auto rest = std::span(rows).subspan(count / 2);
        std::vector<Bytes> parts;
        if (!half.empty()) parts.push_back(reducer->reduce(half));
        parts.push_back(reducer->reduce(rest));
        parts.push_back(reducer->reduce(rows));
        const std::vector<BytesView> views(parts.begin(), parts.end());
        return std::stod(reducer->finish(reducer->rereduce(views)));
    };
    CHECK(counted(1) == 1);
    CHECK(counted(7) == 7);
    CHECK(counted(1000) == doctest::Approx(1000).epsilon(0.05));
    CHECK(counted(4000) == doctest::Approx(4000).epsilon(0.08));
    CHECK(counted(20000) == doctest::Approx(20000).epsilon(0.08));
}

TEST_CASE("numbers are exact whatever their size") {
    const auto number = [](const char* text) { return ExactNumber::parse(text); };
    CHECK((number("9223372036854775807") + number("9223372036854775807")).text() ==
          "18446744073709551614");
    CHECK((number("18446744073709551614") + number("-18446744073709551615")).text() == "-1");
    CHECK((number("-9223372036854775808") * number("-9223372036854775808")).text() ==
          "85070591730234615865843651857942052864");
    CHECK((number("100000000000000000000") * number("0")).text() == "0");
    CHECK((number("1") + number("0.5")).text() == "1.5");
    CHECK((number("1.0") + number("2")).text() == "3.0");
    CHECK(number("-18446744073709551616") < number("5"));
    CHECK_THROWS_AS(number("1.7e308") + number("1.7e308"), Refused);
}

}  // namespace divan::storage
