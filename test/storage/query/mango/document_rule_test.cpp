#include "storage/query/mango/document_rule.h"

#include <doctest/doctest.h>

namespace divan::storage::mango {
namespace {

bool allowed(std::string_view rule, std::string_view now, std::string_view before = {}) {
    return DocumentRule::parse(parse_json(rule).value()).value().check(now, before).has_value();
}

TEST_CASE("a rule is asked of the new document and the old one") {
    constexpr std::string_view typed =
        R"({"newDoc":{"title":{"$type":"string"},"year":{"$type":"number"}}})";
    CHECK(allowed(typed, R"({"_id":"a","title":"x","year":1})"));
    CHECK_FALSE(allowed(typed, R"({"_id":"a","title":"x"})"));
    CHECK_FALSE(allowed(typed, R"({"_id":"a","title":"x","year":"1"})"));

    constexpr std::string_view final_once = R"({"$or":[{"oldDoc":null},{"oldDoc.final":false}]})";
    CHECK(allowed(final_once, R"({"_id":"a"})"));
    CHECK(allowed(final_once, R"({"_id":"a"})", R"({"_id":"a","final":false})"));
    CHECK_FALSE(allowed(final_once, R"({"_id":"a"})", R"({"_id":"a","final":true})"));
}

TEST_CASE("what does not match is forbidden, and what is no selector is no rule") {
    const auto rule = DocumentRule::parse(parse_json(R"({"newDoc.a":1})").value()).value();
    const auto refused = rule.check("{}", {});
    REQUIRE(refused.has_error());
    CHECK(refused.error() == Error{Code::forbidden, "document is not valid", {}});
    CHECK_FALSE(DocumentRule::parse(parse_json(R"({"newDoc":{"$foo":1}})").value()));
    CHECK_FALSE(DocumentRule::parse(parse_json(R"("function () {}")").value()));
}

}  // namespace
}  // namespace divan::storage::mango
