#include "storage/query/mango/definition.h"

#include <doctest/doctest.h>

#include "storage/query/mango/index.h"

namespace divan::storage::mango {
namespace {

JsonValue json(std::string_view text) {
    return parse_json(text).value();
}

TEST_CASE("an index without names gets CouchDB's") {
    // As a CouchDB 3 named it.
    const auto definition = parse_definition(
        json(R"({"index":{"fields":["title"]},"name":"title-json-index","type":"json"})"));
    CHECK(definition.design == "_design/5e0c1e3422759aefaa2aa14ed5a8323ba33f06e3");
    CHECK(definition.name == "title-json-index");
    const auto nameless = parse_definition(json(R"({"index":{"fields":["a"]}})"));
    CHECK(nameless.design == "_design/" + nameless.name);
    CHECK(parse_definition(json(R"({"index":{"fields":[{"a":"asc"}]}})")).name != nameless.name);
}

TEST_CASE("an index becomes a view of a design document, and is read back") {
    const auto definition = parse_definition(
        json(R"({"index":{"fields":["a.b"],"partial_filter_selector":{"c":{"$gt":1,"$lt":5}}},)"
             R"("ddoc":"d","name":"n"})"));
    const auto text = with_index(nullptr, definition).value();
    CHECK(text == R"({"language":"query","views":{"n":{"map":{"fields":{"a.b":"asc"},)"
                  R"("partial_filter_selector":{"$and":[{"c":{"$gt":1}},{"c":{"$lt":5}}]}},)"
                  R"("reduce":"_count","options":{"def":{"fields":["a.b"],)"
                  R"("partial_filter_selector":{"c":{"$gt":1,"$lt":5}}}}}}})");
    const auto document = json(text);
    CHECK_FALSE(with_index(&document, definition));
    const auto found = indexes_of("_design/d", document, false);
    REQUIRE(found.size() == 1);
    CHECK(found[0].partial_filter);
    std::string shown;
    append_index(shown, found[0]);
    CHECK(shown == R"({"ddoc":"_design/d","name":"n","type":"json","partitioned":false,"def":)"
                   R"({"fields":[{"a.b":"asc"}],"partial_filter_selector":)"
                   R"({"$and":[{"c":{"$gt":1}},{"c":{"$lt":5}}]}}})");
}

TEST_CASE("indexes leave their design document, and the last one takes it along") {
    const auto first =
        parse_definition(json(R"({"index":{"fields":["a"]},"ddoc":"d","name":"1"})"));
    const auto second =
        parse_definition(json(R"({"index":{"fields":["b"]},"ddoc":"d","name":"2"})"));
    const auto one = json(with_index(nullptr, first).value());
    const auto both = json(with_index(&one, second).value());
    CHECK(json(without_indexes(both, {"2"}).value()).dump() == one.dump());
    CHECK_FALSE(without_indexes(both, {"1", "2"}));
    const auto more = json(R"({"language":"query","views":{"1":{}},"options":{}})");
    CHECK(without_indexes(more, {"1"}) == R"({"language":"query","options":{}})");
}

TEST_CASE("a design document in another language, or partitioned otherwise, takes no index") {
    const auto refusal = [](std::string_view document, std::string_view body) {
        try {
            const auto stored = json(document);
            with_index(&stored, parse_definition(json(body)));
            return std::string();
        } catch (const Refused& refused) {
            return refused.error().name;
        }
    };
    constexpr std::string_view plain = R"({"index":{"fields":["a"]}})";
    CHECK(refusal(R"({"language":"javascript"})", plain) == "invalid_ddoc_lang");
    CHECK(refusal(R"({})", plain) == "invalid_ddoc_lang");
    CHECK(refusal(R"({"language":"query","options":{"partitioned":true}})", plain) ==
          "invalid_partitioned_option");
    CHECK(refusal(R"({"language":"query"})", plain).empty());
}

TEST_CASE("views that are no index are left out") {
    CHECK(indexes_of("_design/d", json(R"({"language":"query","views":{"v":{"map":"x"}}})"), false)
              .empty());
    CHECK(indexes_of("_design/d", json(R"({"language":"javascript","views":{}})"), false).empty());
    CHECK(indexes_of("_design/d", json(R"({"language":"query","views":[1]})"), false).empty());
}

}  // namespace
}  // namespace divan::storage::mango
