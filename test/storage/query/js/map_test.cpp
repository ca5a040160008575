#include <doctest/doctest.h>

#include "test/storage/query/js/js_fixture.h"

namespace divan::storage::js {

TEST_CASE_FIXTURE(JsFixture, "a map function emits keys and values in order") {
    CHECK(mapped("function (doc) { emit(doc._id, 1); emit([1, 'x'], {a: null}); }") ==
          R"("a" 1; [1,"x"] {"a":null})");
    CHECK(mapped("function (doc) { }").empty());
}

TEST_CASE_FIXTURE(JsFixture, "sources are taken in every form that CouchDB takes") {
    for (const char* source :
         {"function (doc) { emit(1, 2); }", "function(doc){emit(1,2)}",
          "  function (doc) { emit(1, 2); };", "(function (doc) { emit(1, 2); })",
          "(function named(doc) { emit(1, 2); });", "doc => emit(1, 2)",
          "(doc) => { emit(1, 2); };", "// what\nfunction (doc) { emit(1, 2); }",
          "/* function ( */ function /* x */ (doc) { emit(1, 2); } // function (",
          "var one = 1;\nfunction (doc) { emit(one, 2); }",
          "function helper() { return 1; }\nfunction (doc) { emit(helper(), 2); }",
          "const f = function () { return 'function ('; };\nfunction (doc) { emit(f().length - 9, "
          "2); }"}) {
        CAPTURE(source);
        CHECK(mapped(source) == "1 2");
    }
}

TEST_CASE_FIXTURE(JsFixture, "sources that are no function are refused") {
    for (const char* source :
         {"function named(doc) { emit(1, 2); }", "42", "var f = function (doc) {};", "}",
          "function (doc) { emit(", "not javascript at all", "function (a) {} 42"}) {
        CAPTURE(source);
        CHECK(mapped(source).starts_with("compilation_error: "));
    }
    CHECK(mapped("") == "?: missing function");
}

TEST_CASE_FIXTURE(JsFixture, "the language is the engine's, without eval") {
    CHECK(mapped("(doc) => { const {a = 5, ...rest} = {b: 2}; emit(a ?? 0, rest?.b ** 2); }") ==
          "5 4");
    CHECK(mapped("(doc) => { emit(/(?<y>\\d+)/u.exec('in 1999').groups.y, 10n < 11); }") ==
          R"("1999" true)");
    CHECK(mapped("(doc) => { eval('1'); emit(1, 1); }").empty());
    CHECK(mapped("(doc) => { new Function('return 1')(); emit(1, 1); }").empty());
    CHECK(mapped("(doc) => { doc.constructor.constructor('return 1')(); emit(1, 1); }").empty());
    CHECK(mapped("(doc) => { emit(typeof print, typeof quit + typeof evalcx + typeof gc); }") ==
          R"("undefined" "undefinedundefinedundefined")");
}

TEST_CASE_FIXTURE(JsFixture, "documents are frozen: writes are silent, push throws") {
    const std::string document = R"({"_id":"a","list":[1],"sub":{"x":1}})";
    CHECK(mapped("(doc) => { doc.n = 1; doc.sub.x = 2; delete doc._id; doc.list[0] = 7;"
                 "emit(doc._id, [doc.n, doc.sub.x, doc.list]); }",
                 document) == R"("a" [null,1,[1]])");
    CHECK(mapped("(doc) => { emit(1, 1); doc.list.push(2); }", document).empty());
}

TEST_CASE_FIXTURE(JsFixture, "a function that throws drops its document, not the others") {
    const std::vector<std::string> functions = {
        "(doc) => { emit(1, doc._id); if (doc.bad) throw doc.what; emit(2, doc._id); }",
        "(doc) => emit(3, doc._id)"};
    for (const char* what : {"null", "\"text\"", "{}", "7", "[]", "{\"name\":\"x\"}"}) {
        CAPTURE(what);
        const std::string bad = fmt::format(R"({{"_id":"bad","bad":true,"what":{}}})", what);
        const std::vector<BytesView> documents = {R"({"_id":"a"})", bad, R"({"_id":"c"})"};
        const auto result = design("")->map(functions, documents);
        REQUIRE(result.has_value());
        CHECK(result->documents() == 3);
        CHECK(result->rows(0, 0).size() == 2);
        CHECK(result->rows(1, 0).empty());
        CHECK(result->rows(1, 1).size() == 1);
        CHECK(result->rows(1, 1)[0].value == R"("bad")");
        CHECK(result->rows(2, 0)[1].value == R"("c")");
    }
}

TEST_CASE_FIXTURE(JsFixture, "values are written as JSON.stringify does, as they are at the end") {
    CHECK(mapped("() => { emit(undefined, () => 1); emit(NaN, -0); emit(1e21, 0.1); }") ==
          "null null; null 0; 1e+21 0.1");
    CHECK(mapped("() => { const a = [1]; emit(a, a); a.push(2); }") == "[1,2] [1,2]");
    CHECK(mapped("() => { emit(new Date(0), {toJSON: () => 5}); emit(1, new Error('no')); }") ==
          R"("1970-01-01T00:00:00.000Z" 5; 1 {"error":"Error","message":"no"})");
    CHECK(mapped("() => { emit('\\u00e9\"\\n\\u0001', '\\ud83d\\ude00\\u20ac'); }") ==
          "\"\u00e9\\\"\\n\\u0001\" \"\U0001F600\u20ac\"");
    CHECK(mapped("(doc) => emit(doc.t, doc.t.length)", R"({"_id":"a","t":"é€😀"})") == "\"é€😀\" 4");
    CHECK(mapped("() => { const o = {}; o.o = o; emit(1, o); }").starts_with("TypeError: "));
    CHECK(mapped("() => { emit(1n, 1); }").starts_with("TypeError: "));
}

TEST_CASE_FIXTURE(JsFixture, "map functions have CouchDB's helpers") {
    CHECK(mapped("() => { emit(sum([1, 2.5]), isArray([]) && !isArray({length: 1})); }") ==
          "3.5 true");
    CHECK(
        mapped("() => { log('a line'); log({a: 1}); emit(toJSON({a: 1}), JSON.parse('[1]')); }") ==
        R"("{\"a\":1}" [1])");
    CHECK(mapped("() => { sum.x = 1; JSON.stringify = 1; emit(sum.x, typeof JSON.stringify); }") ==
          R"(null "function")");
}

TEST_CASE_FIXTURE(JsFixture, "require finds modules under views.lib, and only those") {
    const std::string members =
        R"("secret":"exports.x = 1;","views":{"lib":{"a":"exports.n = 20 + require('./b').n;",)"
        R"("b":"module.exports = {n: require('views/lib/deep/c')};",)"
        R"("deep":{"c":"exports.up = typeof require('../a'); module.exports = 3;"},)"
        R"("broken":"syntax error"}})";
    CHECK(mapped("() => { emit(require('views/lib/a').n, require('views/lib/a') === "
                 "require('views/lib/a')); }",
                 "{}", members) == "23 true");
    CHECK(mapped("() => { emit(require('secret').x, 1); }", "{}", members).empty());
    CHECK(mapped("() => { emit(require('views/lib/none'), 1); }", "{}", members).empty());
    CHECK(mapped("() => { emit(require('views/lib/broken'), 1); }", "{}", members).empty());
}

TEST_CASE_FIXTURE(JsFixture, "large batches are cut and put together again") {
    std::vector<std::string> texts;
    for (int i = 0; i < 2500; ++i) {
        texts.push_back(fmt::format(R"({{"_id":"d{}","n":{}}})", i, i));
    }
    texts.push_back(R"({"_id":"big","n":-1,"t":")" + std::string(3'000'000, 'x') + "\"}");
    const std::vector<BytesView> documents(texts.begin(), texts.end());
    const std::vector<std::string> functions = {"(doc) => { if (doc.n % 2) emit(doc.n, doc.t); }"};
    const auto result = design("")->map(functions, documents);
    REQUIRE(result.has_value());
    CHECK(result->documents() == 2501);
    CHECK(result->rows(1234, 0).empty());
    CHECK(result->rows(2499, 0)[0].key == "2499");
    CHECK(result->rows(2500, 0)[0].value.size() == 3'000'002);
}

TEST_CASE_FIXTURE(JsFixture, "views of a design document are compiled before it is written") {
    const auto check = [&](const std::string& body) {
        const auto result = pool.check_views("db", body);
        return result.has_error() ? result.error() : Error{Code::bad_request, "fine", {}};
    };
    CHECK(check("{}").reason == "fine");
    CHECK(check(R"({"views":{"v":{"map":"function (d) {}","reduce":"_sum"}}})").reason == "fine");
    CHECK(check(R"({"language":"erlang","views":{"v":{"map":"nonsense("}}})").reason == "fine");
    const auto map = check(R"({"views":{"v":{"map":"function (d) {"}}})");
    CHECK(map.code == Code::compilation_error);
    CHECK(map.reason.starts_with("Compilation of the map function in the 'v' view failed: "));
    const auto reduce = check(R"({"views":{"v":{"map":"d=>1","reduce":"function ("}}})");
    CHECK(reduce.code == Code::compilation_error);
    CHECK(reduce.reason.starts_with("Compilation of the reduce function in the 'v' view failed"));
    CHECK(check(R"({"views":{"v":{"map":""}}})").code == Code::not_found);
}

}  // namespace divan::storage::js
