#include "storage/query/mango/planner.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "storage/query/mango/explain.h"

namespace divan::storage::mango {
namespace {

JsonValue json(std::string_view text) {
    return parse_json(text).value();
}

/// A database with an index on each list of fields, named by them: "a,b".
Indexes indexes(const std::vector<std::vector<std::string>>& lists) {
    std::vector<Index> made{all_docs_index()};
    for (const auto& fields : lists) {
        Index index;
        for (const auto& field : fields) {
            index.name += (index.name.empty() ? "" : ",") + field;
            index.fields.push_back({field, false});
        }
        index.design = "_design/" + index.name;
        made.push_back(std::move(index));
    }
    std::sort(made.begin(), made.end());
    return std::make_shared<const std::vector<Index>>(std::move(made));
}

Plan plan(const Indexes& made, std::string_view body, PlanFor purpose = PlanFor::find) {
    return make_plan(made, parse_find(json(body), 25), false, purpose);
}

std::string chosen(const Indexes& made, std::string_view body) {
    return plan(made, body).index->name;
}

std::string refused(const Indexes& made, std::string_view body) {
    try {
        return "chose " + chosen(made, body);
    } catch (const Refused& refusal) {
        return refusal.error().name;
    }
}

TEST_CASE("the index whose leading fields cover most of the selector is chosen") {
    const auto made = indexes({
        {"a" },
        {   "a", "b"},
        {   "b"   },
        { "c",    "d"}
    });
    CHECK(chosen(made, R"({"selector":{"a":1}})") == "a");
    CHECK(chosen(made, R"({"selector":{"a":1,"b":2}})") == "a,b");
    CHECK(chosen(made, R"({"selector":{"b":2}})") == "b");
    CHECK(chosen(made, R"({"selector":{"b":{"$in":[2]}}})") == "b");
    CHECK(chosen(made, R"({"selector":{"c":2}})") == "_all_docs");
    CHECK(chosen(made, R"({"selector":{}})") == "_all_docs");
    CHECK(chosen(made, R"({"selector":{"a":{"$exists":false}}})") == "_all_docs");
    CHECK(chosen(made, R"({"selector":{"$or":[{"a":1},{"a":2}]}})") == "a");
    CHECK(chosen(made, R"({"selector":{"$or":[{"a":1},{"b":2}]}})") == "_all_docs");
}

TEST_CASE("a sort needs an index in its order, where constant leading fields do not count") {
    const auto made = indexes({
        {"a" },
        { "a", "b"}
    });
    CHECK(chosen(made, R"({"selector":{"a":{"$gt":1}},"sort":["a"]})") == "a");
    CHECK(chosen(made, R"({"selector":{"a":1},"sort":["b"]})") == "a,b");
    CHECK(refused(made, R"({"selector":{"a":{"$gt":1}},"sort":["b"]})") == "no_usable_index");
    CHECK(refused(made, R"({"selector":{},"sort":["_id"]})") == "no_usable_index");
    CHECK(chosen(made, R"({"selector":{"_id":{"$gt":null}},"sort":["_id"]})") == "_all_docs");
    CHECK(refused(made, R"({"selector":{"a":1},"sort":[{"a":"asc"},{"b":"desc"}]})") ==
          "unsupported_mixed_sort");
}

TEST_CASE("use_index chooses among usable indexes, and allow_fallback decides what else may") {
    const auto made = indexes({
        {"a" },
        { "a", "b"}
    });
    CHECK(chosen(made, R"({"selector":{"a":1,"b":1},"use_index":"a"})") == "a");
    CHECK(chosen(made, R"({"selector":{"a":1},"use_index":"a,b"})") == "a");
    CHECK(refused(made, R"({"selector":{"a":1},"use_index":"a,b","allow_fallback":false})") ==
          "invalid_index");
    CHECK(refused(made, R"({"selector":{"z":1},"allow_fallback":false})") == "invalid_index");
    CHECK(chosen(made, R"({"selector":{"a":1},"allow_fallback":false})") == "a");
    const auto fallen = plan(made, R"({"selector":{"a":1},"use_index":["_design/x","y"]})");
    CHECK(unused_index_warning(
              *fallen.index,
              parse_find(json(R"({"selector":{},"use_index":["_design/x","y"]})"), 25)) ==
          "_design/x, y was not used because it is not a valid index for this query.");
}

TEST_CASE("a query that an index can answer alone reads no documents") {
    const auto made = indexes({
        {"a", "b"}
    });
    CHECK(plan(made, R"({"selector":{"a":1,"b":1},"fields":["_id","b"]})").covering);
    CHECK_FALSE(plan(made, R"({"selector":{"a":1,"b":1},"fields":["c"]})").covering);
    CHECK_FALSE(plan(made, R"({"selector":{"a":1,"b":1,"c":1},"fields":["b"]})").covering);
    CHECK_FALSE(plan(made, R"({"selector":{"a":1,"b":1}})").covering);
}

TEST_CASE("ranges narrow, and contradictions leave nothing") {
    const auto made = indexes({{"a"}});
    const auto range = [&](std::string_view condition) {
        const auto found =
            plan(made, fmt::format(R"({{"selector":{{"a":{}}}}})", condition)).ranges.front();
        if (found.empty) return std::string("empty");
        const auto text = [](const Bound& bound) {
            constexpr const char* kinds[] = {"open", ")", "]"};
            return bound.value + kinds[static_cast<int>(bound.kind)];
        };
        return text(found.low) + " " + text(found.high);
    };
    CHECK(range("1") == "1] 1]");
    CHECK(range(R"({"$gt":1,"$lte":5})") == "1) 5]");
    CHECK(range(R"({"$gt":1,"$gte":1})") == "1) open");
    CHECK(range(R"({"$gte":2,"$lte":2})") == "2] 2]");
    CHECK(range(R"({"$gt":2,"$lt":2})") == "empty");
    CHECK(range(R"({"$eq":2,"$gt":2})") == "2) 2]");
    CHECK(range(R"({"$lt":"x","$gt":7})") == "7) \"x\")");
    CHECK(range(R"({"$beginsWith":"ab"})") == "\"ab\"] \"ab\xEF\xBF\xBF\"]");
    CHECK(range(R"({"$exists":true})") == "open open");
    CHECK(plan(made, R"({"selector":{"a":{"$gt":2,"$lt":1}}})").nothing);
    CHECK(plan(made, R"({"selector":{"$or":[]}})").nothing);
}

TEST_CASE("explain ranks the candidates that were not chosen") {
    auto made = *indexes({
        {"a" },
        { "a", "b"},
        { "a", "c"}
    });
    made[1].partial_filter = Selector::parse(json(R"({"x":1})")).value();
    const auto shared = std::make_shared<const std::vector<Index>>(made);
    const auto options = parse_find(json(R"({"selector":{"a":1,"b":1}})"), 25);
    const auto text =
        explain(make_plan(shared, options, false, PlanFor::explain), options, "db", false);
    const auto analysis = [&](std::string_view name) {
        const auto of =
            text.find(fmt::format("\"name\":\"{}\"", name), text.find("index_candidates"));
        const auto at = text.find("\"usable\"", of);
        return text.substr(at, text.find('}', text.find("ranking", at)) - at);
    };
    CHECK(analysis("_all_docs") ==
          R"("usable":true,"reasons":[{"name":"unfavored_type"}],"ranking":1,"covering":null)");
    CHECK(analysis("a,c") ==
          R"("usable":false,"reasons":[{"name":"field_mismatch"}],"ranking":2,"covering":false)");
    CHECK(analysis("a") ==
          R"("usable":false,"reasons":[{"name":"is_partial"}],"ranking":3,"covering":false)");
}

TEST_CASE("options are refused in the order in which CouchDB checks them") {
    const auto refusal = [](std::string_view body) {
        try {
            parse_find(json(body), 25);
            return std::string();
        } catch (const Refused& refused) {
            return refused.error().name;
        }
    };
    CHECK(refusal(R"({"limit":-1,"nonsense":1})") == "missing_required_key");
    CHECK(refusal(R"({"nonsense":1,"selector":{},"limit":-1})") == "invalid_non_neg_integer");
    CHECK(refusal(R"({"nonsense":1,"selector":{}})") == "invalid_key");
    CHECK(refusal(R"({"selector":{},"use_index":"a/b/c"})") == "invalid_index_name");
    CHECK(refusal(R"({"selector":{},"use_index":"_design/b/c"})").empty());
}

}  // namespace
}  // namespace divan::storage::mango
