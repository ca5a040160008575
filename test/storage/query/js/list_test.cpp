#include <doctest/doctest.h>

#include "test/storage/query/js/js_fixture.h"

namespace divan::storage::js {
namespace {

const std::string request = R"({"headers":{},"query":{}})";
const std::vector<Bytes> rows = {R"({"key":1})", R"({"key":2})"};

}  // namespace

TEST_CASE_FIXTURE(JsFixture, "a list takes rows and sends pieces") {
    const auto functions =
        design(function("lists", "l",
                        "(head) => { start({code: 202}); send('<' + head.n); let row;"
                        "while (row = getRow()) send(row.key); return '>'; }"));
    auto list = functions->list("l", R"({"n":7})", request);
    const auto first = list->begin();
    REQUIRE(first.has_value());
    CHECK(first->start == R"({"code":202,"headers":{}})");
    CHECK(first->output == "<7");
    CHECK_FALSE(first->ended);
    const auto more = list->feed(rows);
    CHECK(more->output == "12");
    CHECK_FALSE(more->start.has_value());
    const auto last = list->finish();
    CHECK(last->ended);
    CHECK(last->output == ">");
    CHECK(pool.processes() == 1);
}

TEST_CASE_FIXTURE(JsFixture, "the head of a list is the last one before its first output") {
    const auto functions =
        design(function("lists", "l",
                        "() => { getRow(); start({code: 201}); getRow(); start({code: 202});"
                        "send('a'); getRow(); start({code: 203}); send('b'); }"));
    auto list = functions->list("l", "{}", request);
    CHECK(list->begin()->start == R"({"headers":{}})");
    const auto part = list->feed(rows);
    CHECK(part->start == R"({"code":202})");
    CHECK(part->output == "a");
    const auto last = list->finish();
    CHECK_FALSE(last->start.has_value());
    CHECK(last->output == "b");
}

TEST_CASE_FIXTURE(JsFixture, "a list may end before its rows, or ask for none") {
    const auto functions = design(function("lists", "l", "() => { getRow(); return 'one'; }"));
    auto list = functions->list("l", "{}", request);
    CHECK_FALSE(list->begin()->ended);
    const auto part = list->feed(rows);
    CHECK(part->ended);
    CHECK(part->output == "one");

    const auto none = design(function("lists", "l", "() => 'none'"), "other");
    auto silent = none->list("l", "{}", request);
    const auto begun = silent->begin();
    CHECK(begun->start == R"({"headers":{}})");
    CHECK_FALSE(begun->ended);
    CHECK(silent->finish()->output == "none");
}

TEST_CASE_FIXTURE(JsFixture, "what a list sent before the row that it fails at goes out") {
    const auto functions =
        design(function("lists", "l",
                        "() => { getRow(); send('a'); getRow(); send('lost'); throw 'no'; }"));
    auto list = functions->list("l", "{}", request);
    CHECK(list->begin()->output.empty());
    const auto part = list->feed(rows);
    REQUIRE(part.has_value());
    CHECK(part->output == "a");
    CHECK_FALSE(part->ended);
    const auto failed = list->feed(rows);
    REQUIRE(failed.has_error());
    CHECK(failed.error().name == "render_error");
}

TEST_CASE_FIXTURE(JsFixture,
                  "a list that throws, and one that is dropped, leave a pool that works") {
    const auto functions =
        design(function("lists", "l", "() => { getRow(); throw new Error('half way'); }"));
    auto failing = functions->list("l", "{}", request);
    CHECK(failing->begin().has_value());
    const auto failed = failing->feed(rows);
    REQUIRE(failed.has_error());
    CHECK(failed.error().name == "render_error");
    {
        auto dropped = functions->list("l", "{}", request);
        CHECK(dropped->begin().has_value());
    }
    CHECK(mapped("() => emit(1, 2)") == "1 2");
}

}  // namespace divan::storage::js
