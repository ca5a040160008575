#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "storage/document/client_document.h"

namespace divan::storage {
namespace {

Error refusal(std::string_view json) {
    const auto request = parse_bulk_docs(json);
    return request ? Error{Code::internal_error, "accepted", {}} : request.error();
}

}  // namespace

TEST_CASE("bulk: documents are read in order, whatever the order of the members") {
    for (const char* json :
         {R"({"docs":[{"_id":"a","v":1},{"_id":"b","_rev":"1-x"}],"new_edits":true})",
          R"({"new_edits":true,"docs":[{"_id":"a","v":1},{"_id":"b","_rev":"1-x"}]})",
          R"( { "w":{"docs":[1]}, "docs" : [ {"_id":"a","v":1} , {"_id":"b","_rev":"1-x"} ] } )",
          R"({"docs":"replaced","\u0064ocs":[{"_id":"a","v":1},{"_id":"b","_rev":"1-x"}]})",
          R"({"docs":[5],"docs":[{"_id":"a","v":1},{"_id":"b","_rev":"1-x"}],"x":[[{}]]})"}) {
        CAPTURE(json);
        const auto request = parse_bulk_docs(json).value();
        REQUIRE(request.docs.size() == 2);
        CHECK(request.docs[0].id == "a");
        CHECK(request.docs[0].body == R"({"v":1})");
        CHECK(request.docs[1].id == "b");
        CHECK(to_string(*request.docs[1].revision) == "1-x");
        CHECK(request.docs[1].body == "{}");
        CHECK(request.new_edits);
        CHECK_FALSE(request.all_or_nothing);
    }
    CHECK(parse_bulk_docs(R"({"docs":[]})")->docs.empty());
}

TEST_CASE("bulk: a document is the same as when it comes alone") {
    constexpr std::string_view json =
        R"({"a":[1e3,{"b":1,"b":2}],"_id":"x","a":{"c":"\u00e9","c":[1,2,3]},"z":-0.0})";
    const auto alone = parse_client_document(json).value();
    const auto request = parse_bulk_docs("{\"docs\":[{}," + std::string(json) + "]}").value();
    CHECK(request.docs[1].body == alone.body);
    CHECK(request.docs[1].term == alone.term);
    CHECK(request.docs[1].id == alone.id);
}

TEST_CASE("bulk: flags") {
    CHECK_FALSE(parse_bulk_docs(R"({"docs":[],"new_edits":false})")->new_edits);
    CHECK(parse_bulk_docs(R"({"docs":[],"all_or_nothing":true})")->all_or_nothing);
    CHECK_FALSE(parse_bulk_docs(R"({"docs":[],"all_or_nothing":1})")->all_or_nothing);
    for (const char* value : {"\"no\"", "null", "0", "[]"}) {
        CHECK(refusal(R"({"docs":[{}],"new_edits":)" + std::string(value) + '}') ==
              Error{Code::bad_request, "`new_edits` parameter must be a boolean.", {}});
    }
}

TEST_CASE("bulk: what is no request is refused") {
    const std::pair<const char*, const char*> cases[] = {
        {"{}", "POST body must include `docs` parameter."},
        {R"({"doc":[]})", "POST body must include `docs` parameter."},
        {R"({"docs":{}})", "`docs` parameter must be an array."},
        {R"({"docs":null})", "`docs` parameter must be an array."},
        {R"({"docs":[],"docs":1})", "`docs` parameter must be an array."},
        {"[]", "Request body must be a JSON object"},
        {"[{}]", "Request body must be a JSON object"},
        {"1", "Request body must be a JSON object"},
        {"", "invalid UTF-8 JSON"},
        {R"({"docs":[{})", "invalid UTF-8 JSON"},
        {R"({"docs":[{}]}})", "invalid UTF-8 JSON"},
        {R"({"docs":[{},]})", "invalid UTF-8 JSON"},
        {R"({"docs":[{}],})", "invalid UTF-8 JSON"},
        {R"({"docs":[{}] "a":1})", "invalid UTF-8 JSON"},
        {R"({"docs":[{} {}]})", "invalid UTF-8 JSON"},
        {R"({"docs":[{}]} 1)", "invalid UTF-8 JSON"},
        {R"({docs:[]})", "invalid UTF-8 JSON"},
        {"[", "invalid UTF-8 JSON"}};
    for (const auto& [json, reason] : cases) {
        CAPTURE(json);
        CHECK(refusal(json) == Error{Code::bad_request, reason, {}});
    }
}

TEST_CASE("bulk: the first bad row refuses all, but no JSON comes before it") {
    const auto row_refusal = [](std::string_view row) {
        return refusal(R"({"docs":[{"_id":"ok"},)" + std::string(row) + R"(,{"_foo":1}]})");
    };
    for (const char* row : {"\"text\"", "1", "null", "[]", "[{}]"}) {
        CHECK(row_refusal(row) == Error{Code::bad_request, "Document must be a JSON object", {}});
    }
    CHECK(row_refusal(R"({"_id":"_bad"})").code == Code::illegal_docid);
    CHECK(row_refusal(R"({"_rev":"nonsense"})").reason == "Invalid rev format");
    CHECK(row_refusal("{}").reason == "Bad special document member: _foo");
    CHECK(refusal(R"({"docs":[{"_id":5},{])").reason == "invalid UTF-8 JSON");
}

TEST_CASE("bulk: without new edits each document needs a revision, in the order of the rows") {
    const Error needed{
        Code::bad_request,
        "When `new_edits: false`, the document needs `_rev` or `_revisions` specified",
        {}};
    CHECK(refusal(R"({"docs":[{"_rev":"1-x"},{"_id":"c"}],"new_edits":false})") == needed);
    CHECK(refusal(R"({"new_edits":false,"docs":[{"_id":"c"},{"_id":5}]})") == needed);
    CHECK(refusal(R"({"docs":[{"_id":5},{"_id":"c"}],"new_edits":false})").code ==
          Code::illegal_docid);
    CHECK(
        parse_bulk_docs(
            R"({"docs":[{"_rev":"1-x"},{"_revisions":{"start":1,"ids":["a"]}}],"new_edits":false})")
            .has_value());
}

}  // namespace divan::storage
