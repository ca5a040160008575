#include "storage/query/mango/selector.h"

#include <doctest/doctest.h>

#include <fstream>
#include <set>

namespace divan::storage::mango {
namespace {

JsonValue json(std::string_view text) {
    return parse_json(text).value();
}

Selector selector(std::string_view text) {
    return Selector::parse(json(text)).value();
}

Error refusal(std::string_view text) {
    const auto parsed = Selector::parse(json(text));
    REQUIRE(parsed.has_error());
    return parsed.error();
}

}  // namespace

TEST_CASE("a selector picks the documents that CouchDB 3.5.0 picked, case by case") {
    std::ifstream table("test/conformance/tables/selectors.jsonl");
    REQUIRE(table);
    std::string line;
    std::getline(table, line);
    const auto first = json(line);
    std::vector<std::pair<std::string, std::string>> documents;
    for (const auto& document : first.find("documents")->items()) {
        documents.emplace_back(document.find("_id")->string(), document.dump());
    }
    int cases = 0;
    while (std::getline(table, line)) {
        CAPTURE(line);
        const auto row = json(line);
        const auto* answer = row.find("answer");
        const auto parsed = Selector::parse(*row.find("selector"));
        ++cases;
        if (answer->find("status")->integer() != 200) {
            CHECK(parsed.has_error());
            if (parsed.has_error()) CHECK(parsed.error().name == answer->find("error")->string());
            continue;
        }
        REQUIRE(parsed.has_value());
        std::set<std::string> found;
        for (const auto& [id, text] : documents) {
            if (parsed->matches(text)) found.insert(id);
        }
        std::set<std::string> expected;
        for (const auto& id : answer->find("ids")->items()) expected.insert(id.string());
        CHECK(found == expected);
    }
    CHECK(cases > 100);
}

TEST_CASE("a selector that CouchDB refuses is refused with its sentence") {
    struct Row {
        const char* selector;
        const char* name;
        const char* reason;
    };
    const Row rows[] = {
        {R"({"n":{"$nope":1}})", "invalid_operator", "Invalid operator: $nope"},
        {R"({"n":{"$gt":1,"$foo":2}})", "invalid_operator", "Invalid operator: $foo"},
        {R"({"$where":"x"})", "not_supported", "Unsupported operator: $where"},
        {R"({"n":{"$near":1}})", "not_supported", "Unsupported operator: $near"},
        {R"({"$gt":1})", "invalid_selector", "One or more conditions is missing a field name."},
        {R"({"":3})", "invalid_selector", "One or more conditions is missing a field name."},
        {R"({"$not":{}})", "invalid_selector", "One or more conditions is missing a field name."},
        {R"({"a..b":1})", "invalid_field_name", "Invalid field name: a..b"},
        {R"({"a":{"":1}})", "invalid_field_name", "Invalid field name: a."},
        {R"({"a":{"":{"b":1}}})", "invalid_field_name", "Invalid field name: a..b"},
        {R"({"n":{"$in":25}})", "bad_arg", "Bad argument for operator $in: 25"},
        {R"({"n":{"$in":"a"}})", "bad_arg", "Bad argument for operator $in: <<97>>"},
        {R"({"n":{"$exists":"x"}})", "bad_arg", "Bad argument for operator $exists: <<120>>"},
        {R"({"n":{"$mod":[3.5,1]}})", "bad_arg", "Bad argument for operator $mod: [3.5,1]"},
        {R"({"n":{"$size":-1}})", "bad_arg", "Bad argument for operator $size: -1"},
        {R"({"n":{"$regex":"["}})", "bad_arg", "Bad argument for operator $regex: <<91>>"},
        {R"({"n":{"$regex":1}})", "invalid_operator", "Invalid operator: $regex"},
        {R"({"n":{"$beginsWith":null}})", "invalid_operator", "Invalid operator: $beginsWith"},
        {R"({"$nor":{"a":1}})", "bad_arg", "Bad argument for operator $nor: {[{<<97>>,1}]}"},
        {R"({"n":{"$elemMatch":[]}})", "bad_arg", "Bad argument for operator $elemMatch: []"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.selector);
        const auto error = refusal(row.selector);
        CHECK(error.code == Code::bad_request);
        CHECK(error.name == row.name);
        CHECK(error.reason == row.reason);
    }
    CHECK(refusal("1").name == "invalid_selector_json");
}

TEST_CASE("a missing field matches nothing but $exists:false") {
    for (const char* text : {R"({"a":{"$ne":1}})", R"({"a":{"$nin":[1]}})",
                             R"({"a":{"$not":{"$regex":"x"}}})",
                             R"({"a":null})", R"({"b.c":{"$exists":false}})"}) {
        CAPTURE(text);
        CHECK_FALSE(selector(text).matches(R"({"b":"no object"})"));
    }
    CHECK(selector(R"({"a":{"$exists":false}})").matches(R"({"b":1})"));
    CHECK(selector(R"({"a":{"$not":{"$exists":true}}})").matches(R"({"b":1})"));
}

TEST_CASE("strings compare by collation, ids by bytes") {
    CHECK(selector(R"({"a":{"$lt":"B"}})").matches(R"({"a":"a"})"));
    CHECK_FALSE(selector(R"({"_id":{"$lt":"B"}})").matches(R"({"_id":"a"})"));
    CHECK(selector(R"({"a":"é"})").matches("{\"a\":\"e\xCC\x81\"}"));
    CHECK_FALSE(selector(R"({"_id":"é"})").matches("{\"_id\":\"e\xCC\x81\"}"));
    CHECK(selector(R"({"_id":{"$gt":null}})").matches(R"({"_id":"x"})"));
}

TEST_CASE("$eq of an object wants its members in the same order, {} is a value") {
    CHECK(selector(R"({"o":{"$eq":{"a":1,"b":2}}})").matches(R"({"o":{"a":1,"b":2}})"));
    CHECK_FALSE(selector(R"({"o":{"$eq":{"b":2,"a":1}}})").matches(R"({"o":{"a":1,"b":2}})"));
    CHECK(selector(R"({"o":{"b":2,"a":1}})").matches(R"({"o":{"a":1,"b":2}})"));
    CHECK(selector(R"({"o":{}})").matches(R"({"o":{}})"));
    CHECK_FALSE(selector(R"({"o":{}})").matches(R"({"o":{"a":1}})"));
}

TEST_CASE("$mod keeps the sign of the dividend and takes whole numbers only") {
    CHECK(selector(R"({"n":{"$mod":[3,-1]}})").matches(R"({"n":-4})"));
    CHECK_FALSE(selector(R"({"n":{"$mod":[3,2]}})").matches(R"({"n":-4})"));
    CHECK_FALSE(selector(R"({"n":{"$mod":[2,0]}})").matches(R"({"n":4.0})"));
    CHECK_FALSE(selector(R"({"n":{"$mod":[0,0]}})").matches(R"({"n":4})"));
    CHECK(selector(R"({"n":{"$mod":[7,2]}})").matches(R"({"n":100000000000000000000})"));
}

TEST_CASE("$all and $allMatch on nothing are false, an empty selector is true") {
    CHECK_FALSE(selector(R"({"l":{"$all":[]}})").matches(R"({"l":[]})"));
    CHECK_FALSE(selector(R"({"l":{"$allMatch":{"$gt":0}}})").matches(R"({"l":[]})"));
    CHECK(selector(R"({"l":{"$all":[[1,2]]}})").matches(R"({"l":[1,2]})"));
    CHECK_FALSE(selector(R"({"l":{"$all":[1]}})").matches(R"({"l":[1.0]})"));
    CHECK(selector("{}").matches(R"({"l":[]})"));
}

TEST_CASE("a catastrophic expression gives up instead of running away") {
    const std::string document = R"({"s":")" + std::string(200, 'a') + R"(!"})";
    CHECK_FALSE(selector(R"({"s":{"$regex":"^(a+)+$"}})").matches(document));
}

TEST_CASE("$beginsWith ends between characters as a reader sees them") {
    CHECK(selector(R"({"s":{"$beginsWith":"ca"}})").matches(R"({"s":"café"})"));
    CHECK_FALSE(selector(R"({"s":{"$beginsWith":"e"}})").matches("{\"s\":\"e\xCC\x81t\"}"));
    CHECK_FALSE(selector(R"({"s":{"$beginsWith":"ca"}})").matches(R"({"s":["café"]})"));
}

TEST_CASE("fields are taken from a document in the list's order") {
    const auto list = [](const char* text) { return FieldList::parse(json(text)).value(); };
    const std::string document = R"({"_id":"x","a":{"b":1,"c":[5,6]},"d.e":2})";
    struct Row {
        const char* fields;
        const char* extracted;
    };
    const Row rows[] = {
        {R"(["a.b","_id"])", R"({"a":{"b":1},"_id":"x"})"},
        {R"(["a.c","a.b"])", R"({"a":{"c":[5,6],"b":1}})"},
        {R"(["a.c.1","none","_id.x"])", R"({"a":{"c":{"1":6}}})"},
        {R"(["d\\.e"])", R"({"d.e":2})"},
        {R"(["none"])", "{}"},
        {R"(["a","a.b"])", R"({"a":{"b":1,"c":[5,6]}})"},
        {"[]", R"({"_id":"x","a":{"b":1,"c":[5,6]},"d.e":2})"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.fields);
        std::string out;
        list(row.fields).extract(document, out);
        CHECK(out == row.extracted);
    }
    CHECK(FieldList::parse(json("1")).error().name == "invalid_fields");
    CHECK(FieldList::parse(json("[1]")).error().name == "invalid_field");
}

}  // namespace divan::storage::mango
