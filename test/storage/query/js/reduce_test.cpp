#include <doctest/doctest.h>

#include "test/storage/query/js/js_fixture.h"

namespace divan::storage::js {
namespace {

std::string reduced(Functions& functions, const std::string& source,
                    const std::vector<ReduceRow>& rows) {
    const std::vector<std::string> sources = {source};
    const auto result = functions.reduce(sources, rows);
    return result.has_error() ? JsFixture::told(result.error()) : result->front();
}

const std::vector<ReduceRow> three = {
    {"a",   "1",    "10" },
    {"b\"", "[2]",  "20" },
    {"c",   "null", "3.5"}
};

}  // namespace

TEST_CASE_FIXTURE(JsFixture, "a reduction sees keys with ids, and values") {
    const auto functions = design("");
    CHECK(reduced(*functions, "function (keys, values, re) { return [keys, values, re]; }",
                  three) == R"([[[1,"a"],[[2],"b\""],[null,"c"]],[10,20,3.5],false])");
    CHECK(reduced(*functions, "(k, values) => sum(values)", three) == "33.5");
    CHECK(reduced(*functions, "() => undefined", three) == "null");
    CHECK(reduced(*functions, "function (", three).starts_with("compilation_error"));
}

TEST_CASE_FIXTURE(JsFixture, "several reductions share the rows") {
    const std::vector<std::string> sources = {"(k, v) => v.length", "(k, v) => Math.max(...v)",
                                              "() => { throw new Error('no'); }"};
    const auto result = design("")->reduce(sources, three);
    REQUIRE(result.has_value());
    CHECK(*result == std::vector<Bytes>{"3", "20", "null"});
}

TEST_CASE_FIXTURE(JsFixture, "a rereduction sees values alone") {
    const std::vector<BytesView> values = {"1", "[2]"};
    const auto result = design("")->rereduce("(keys, values, re) => [keys, values, re]", values);
    REQUIRE(result.has_value());
    CHECK(*result == "[null,[1,[2]],true]");
}

TEST_CASE_FIXTURE(JsFixture, "a reduction that grows is an error value, by the limit") {
    const std::string grow = "(k, v) => 'x'.repeat(6000)";
    const auto functions = design("");
    const auto overflow = reduced(*functions, grow, three);
    CHECK(overflow.starts_with(
        R"({"reduce_overflow_error":"Reduce output must shrink more rapidly: input size: )"));
    const std::vector<BytesView> above = {"1", overflow};
    CHECK(functions->rereduce("(k, v) => 1", above).value() == overflow);
    settings.reduce.mode = ReduceLimit::Mode::log;
    CHECK(reduced(*functions, grow, three).size() == 6002);
    settings.reduce.mode = ReduceLimit::Mode::off;
    CHECK(reduced(*functions, grow, three).size() == 6002);
}

TEST_CASE("the limit is on the share of what comes in") {
    const ReduceLimit limit;
    CHECK_FALSE(limit.overflow(10, 5000, "d"));
    CHECK(limit.overflow(10'000, 5001, "d") ==
          "Reduce output must shrink more rapidly: input size: 10000 output size: 5001 context: d");
    CHECK_FALSE(limit.overflow(10'002, 5001, "d"));
}

}  // namespace divan::storage::js
