#include <doctest/doctest.h>

#include "test/storage/query/js/js_fixture.h"

namespace divan::storage::js {
namespace {

std::string shown(Functions& functions) {
    const auto result = functions.show("s", "{}", R"({"headers":{},"query":{},"path":[]})");
    return result.has_error() ? JsFixture::told(result.error()) : *result;
}

}  // namespace

// CVE-2023-26268: design documents with the same id in two databases shared a global.
TEST_CASE_FIXTURE(JsFixture,
                  "CVE-2023-26268: same design document id, two databases, two globals") {
    settings.processes_max = 1;
    const std::string source =
        "function () { var m = require('m'); m.n = (m.n || 0) + 1;"
        "seen = (typeof seen === 'undefined') ? 1 : seen + 1; return seen + ' ' + m.n; }";
    const std::string same = function("shows", "s", source) + R"(,"m":"exports.n = 0;")";
    const auto one = design(same, "one");
    const auto two = design(same, "two");
    CHECK(shown(*one) == R"({"body":"1 1"})");
    CHECK(shown(*one) == R"({"body":"2 2"})");
    CHECK(shown(*two) == R"({"body":"1 1"})");
    CHECK(pool.processes() == 1);
    CHECK(shown(*design(same, "one", "2-b")) == R"({"body":"1 1"})");
}

TEST_CASE_FIXTURE(JsFixture, "prototype pollution stays in its design document") {
    settings.processes_max = 1;
    const std::string pollute =
        "function (doc) { Object.prototype.evil = 1; Array.prototype.toJSON = () => 'evil';"
        "doc.__proto__.evil = 1; doc.constructor.prototype.worse = 1; JSON.__proto__.evil = 1;"
        "Object.getPrototypeOf(sum).call = () => 'evil';"
        "log.constructor.prototype.apply = null; return 'done'; }";
    CHECK(shown(*design(function("shows", "s", pollute), "evil")) == R"({"body":"done"})");
    const std::string look =
        "function (doc) { return [typeof {}.evil, typeof doc.evil, typeof doc.worse,"
        "JSON.stringify([1]), typeof sum.apply, sum.call(null, [1])].join(); }";
    CHECK(shown(*design(function("shows", "s", look), "good")) ==
          R"({"body":"undefined,undefined,undefined,[1],function,1"})");
    CHECK(pool.processes() == 1);
}

TEST_CASE_FIXTURE(JsFixture, "a function's globals are its own") {
    const std::vector<std::string> functions = {
        "(doc) => { leaked = doc._id; Math.max = 1; emit(typeof leaked, typeof Math.max); }",
        "(doc) => { emit(typeof leaked, typeof Math.max); }"};
    const std::vector<BytesView> documents = {R"({"_id":"a"})"};
    const auto result = design("")->map(functions, documents);
    REQUIRE(result.has_value());
    CHECK(result->rows(0, 0)[0].key == R"("string")");
    CHECK(result->rows(0, 1)[0].key == R"("undefined")");
    CHECK(result->rows(0, 1)[0].value == R"("function")");
}

TEST_CASE_FIXTURE(JsFixture, "many design documents take turns in one process") {
    settings.processes_max = 1;
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 40; ++i) {
            const auto functions =
                design(function("shows", "s", fmt::format("() => '{}'", i)), fmt::to_string(i));
            CHECK(shown(*functions) == fmt::format(R"({{"body":"{}"}})", i));
        }
    }
    CHECK(pool.processes() == 1);
}

}  // namespace divan::storage::js
