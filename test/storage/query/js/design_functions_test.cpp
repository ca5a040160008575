#include <doctest/doctest.h>

#include "test/storage/query/js/js_fixture.h"

namespace divan::storage::js {
namespace {

std::string validated(Functions& functions, const std::string& document) {
    const std::vector<Validation> edits = {
        {document, {}}
    };
    const auto result = functions.validate(edits, R"({"name":"me"})", "{}");
    if (result.has_error()) return "refused whole: " + JsFixture::told(result.error());
    if (!result->front()) return "passed";
    return fmt::format("{} {}", static_cast<int>(result->front()->code),
                       JsFixture::told(*result->front()));
}

std::string refused_as(Code code, const std::string& rest) {
    return fmt::format("{} {}", static_cast<int>(code), rest);
}

const std::string asked = R"({"method":"POST","headers":{},"query":{},"path":["db"]})";

}  // namespace

TEST_CASE_FIXTURE(JsFixture, "a validator refuses with what it throws") {
    const auto functions = design(R"("validate_doc_update":"function (doc) { )"
                                  R"(if (doc.bang) throw new TypeError('bang'); )"
                                  R"(if ('t' in doc) throw doc.t; return false; }")");
    CHECK(validated(*functions, "{}") == "passed");
    CHECK(validated(*functions, R"({"t":{"forbidden":"no"}})") ==
          refused_as(Code::forbidden, "?: no"));
    CHECK(validated(*functions, R"({"t":{"unauthorized":"who"}})") ==
          refused_as(Code::unauthorized, "?: who"));
    CHECK(validated(*functions, R"({"t":{"forbidden":{"code":7}}})") ==
          refused_as(Code::forbidden, R"(?: {"code":7})"));
    CHECK(validated(*functions, R"({"t":{"forbidden":""}})") ==
          refused_as(Code::forbidden, "?: \"\""));
    CHECK(validated(*functions, R"({"t":{"other":"field"}})") ==
          refused_as(Code::internal_error, "unknown_error: field"));
    CHECK(validated(*functions, R"({"t":"plain"})") ==
          refused_as(Code::internal_error, "unknown_error: plain"));
    CHECK(validated(*functions, R"({"t":true})") == "passed");
    CHECK(validated(*functions, R"({"t":1})") == "passed");
    CHECK(validated(*functions, R"({"t":null})") ==
          refused_as(Code::internal_error, "TypeError: null was thrown"));
    CHECK(validated(*functions, R"({"bang":1})") ==
          refused_as(Code::internal_error, "TypeError: bang"));
}

TEST_CASE_FIXTURE(JsFixture, "a validator sees both documents, the user and the security object") {
    const auto functions = design(R"("lib":{"m":"exports.f = (x) => x;"},"validate_doc_update":)"
                                  R"("function () { userCtx = arguments[2]; userCtx.n = )"
                                  R"((userCtx.n || 0) + 1; throw {forbidden: [...arguments, )"
                                  R"(this._id, require('lib/m').f(4)]}; }")");
    const std::vector<Validation> edits = {
        {R"({"a":1})", R"({"a":0})"},
        {R"({"a":2})", {}          }
    };
    const auto result = functions->validate(edits, R"({"name":"me"})", R"({"s":[]})");
    REQUIRE(result.has_value());
    CHECK((*result)[0]->reason ==
          R"([{"a":1},{"a":0},{"name":"me","n":1},{"s":[]},"_design/d",4])");
    CHECK((*result)[1]->reason == R"([{"a":2},null,{"name":"me","n":1},{"s":[]},"_design/d",4])");
}

TEST_CASE_FIXTURE(JsFixture, "a validator that does not compile refuses") {
    const auto functions = design(R"("validate_doc_update":"function (")");
    CHECK(validated(*functions, "{}").find("compilation_error: ") != std::string::npos);
}

TEST_CASE_FIXTURE(JsFixture, "filters choose documents, by function or by view") {
    const auto functions =
        design(function("filters", "f", "function (doc, req) { return doc.n > req.query.n; }") +
               "," + R"("views":{"v":{"map":"(doc) => { if (doc.n < 2) emit(1, 1); }"}})");
    const std::vector<BytesView> documents = {R"({"n":1})", R"({"n":2})", R"({"n":3})"};
    CHECK(functions->filter("f", documents, R"({"query":{"n":"1"}})").value() ==
          std::vector<bool>{false, true, true});
    CHECK(functions->filter_view("v", documents).value() == std::vector<bool>{true, false, false});
    CHECK(functions->filter("none", documents, "{}").error().code == Code::not_found);
}

TEST_CASE_FIXTURE(JsFixture, "shows answer with text, objects, and by content type") {
    const auto show = [&](const std::string& source, const std::string& request = asked) {
        const auto functions = design(function("shows", "s", source));
        const auto result = functions->show("s", R"({"_id":"a"})", request);
        return result.has_error() ? told(result.error()) : *result;
    };
    CHECK(show("(doc) => doc._id") == R"({"body":"a"})");
    CHECK(show("() => ({code: 418, json: {a: 1}})") == R"({"code":418,"json":{"a":1}})");
    CHECK(show("() => {}") == "{}");
    CHECK(show("() => 5").starts_with("render_error: function raised error") == false);
    CHECK(show("() => 5") == "render_error: undefined response from show function");
    CHECK(show("() => { start({'X-A': '1'}); send('a'); send(1); return 'z'; }") ==
          R"({"body":"a1z","headers":{"X-A":"1"}})");
    CHECK(show("() => { throw ['error', 'mine', 'why']; }") == "mine: why");
    CHECK(show("() => { throw ['error', 'not_found', 'why']; }") == "?: why");
    CHECK(show("() => { throw {error: 'e', reason: 'r'}; }") == "e: r");
    CHECK(show("() => { throw null; }").starts_with("render_error: function raised error: null"));
    const std::string html = R"({"headers":{"Accept":"text/html"},"query":{},"path":[]})";
    CHECK(show("() => { provides('html', () => '<a>'); provides('json', () => '1'); }", html) ==
          R"({"body":"<a>","headers":{"Content-Type":"text/html; charset=utf-8"}})");
}

TEST_CASE_FIXTURE(JsFixture, "updates give a document and a response") {
    const auto functions =
        design(function("updates", "u", "(doc, req) => [{_id: 'x', was: doc}, req.method + '!']"));
    const auto result = functions->update("u", "null", asked);
    REQUIRE(result.has_value());
    CHECK(result->document == R"({"_id":"x","was":null})");
    CHECK(result->response == R"({"body":"POST!"})");
    CHECK(functions->update("u", "null", R"({"method":"GET"})").error().code ==
          Code::method_not_allowed);
}

TEST_CASE_FIXTURE(JsFixture, "a rewrite function gives a rule or none") {
    const auto functions = design(R"("rewrites":"(req) => req.path[1] === 'a' ? '../b' : null")");
    const auto rewritten = functions->rewrite(R"({"method":"GET","path":["db","a"]})");
    CHECK(rewritten.value() == R"({"path":"../b","method":"GET"})");
    CHECK_FALSE(functions->rewrite(R"({"method":"GET","path":["db","b"]})").value().has_value());
}

}  // namespace divan::storage::js
