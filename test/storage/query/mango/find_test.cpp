#include "storage/query/mango/find.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "storage/query/mango/find_answer.h"
#include "storage/query/mango/index_cache.h"
#include "test/storage/database/fixture.h"

namespace divan::storage::mango {
namespace {

struct FindFixture : DatabaseFixture {
    IndexCache cache;

    /// The whole answer, its sources one after the other.
    std::string answer(std::string_view body, std::size_t* sources = nullptr) {
        const auto view = database->view();
        const auto options = parse_find(parse_json(body).value(), 25);
        const auto plan = make_plan(cache.of(*view), options, false, PlanFor::find);
        Find find(view, plan, options);
        FindAnswer answer(plan, options, 10);
        std::string out;
        bool more = true;
        while (auto source = more ? find.next_source() : nullptr) {
            if (sources != nullptr) ++*sources;
            for (bool exhausted = false; more && !exhausted;) {
                const auto matches = source->step(answer.limits());
                exhausted = matches.exhausted;
                more = answer.take(matches, out);
            }
        }
        answer.finish(1.5, out);
        return out;
    }
    std::vector<std::string> ids(std::string_view body) {
        std::vector<std::string> found;
        const auto parsed = parse_json(answer(body)).value();
        for (const auto& doc : parsed.find("docs")->items()) {
            found.push_back(doc.find("_id")->string());
        }
        return found;
    }
    std::string bookmark(std::string_view body) {
        return parse_json(answer(body)).value().find("bookmark")->string();
    }
    JsonValue statistics(std::string_view body) {
        return *parse_json(answer(body)).value().find("execution_stats");
    }
    void fill(int count) {
        for (int i = 0; i < count; ++i) {
            put(fmt::format(R"({{"_id":"d{:05}","n":{},"even":{}}})", i, i, i % 2 == 0));
        }
    }
};

using Ids = std::vector<std::string>;

TEST_CASE("an answer is laid out as CouchDB lays it out") {
    FindFixture fixture;
    fixture.put(R"({"_id":"a","n":1})");
    fixture.put(R"({"_id":"b","n":2})");
    CHECK(fixture.answer(R"({"selector":{"n":{"$gt":0}},"fields":["n"]})") ==
          "{\"docs\":[\r\n{\"n\":1},\r\n{\"n\":2}\r\n],\r\n\"bookmark\": \"WyJiIiwiYiJd\",\r\n"
          "\"warning\": \"No matching index found, create an index to optimize query time.\"}\r\n");
    CHECK(fixture.answer(R"({"selector":{"$or":[]}})") == "{\"docs\":[\r\n]}\r\n");
    CHECK(fixture.bookmark(R"({"selector":{"n":9}})") == "nil");
}

TEST_CASE("pages follow each other by bookmark, both ways, and skip counts on every page") {
    FindFixture fixture;
    fixture.fill(7);
    const auto page = [&](std::string_view rest, const std::string& bookmark) {
        return fmt::format(R"({{"selector":{{"_id":{{"$gt":null}}}},"limit":3,"bookmark":"{}"{}}})",
                           bookmark, rest);
    };
    CHECK(fixture.ids(page("", "")) == Ids{"d00000", "d00001", "d00002"});
    auto next = fixture.bookmark(page("", ""));
    CHECK(fixture.ids(page("", next)) == Ids{"d00003", "d00004", "d00005"});
    CHECK(fixture.ids(page(R"(,"skip":1)", next)) == Ids{"d00004", "d00005", "d00006"});
    fixture.put(fmt::format(R"({{"_id":"d00002","_rev":"{}","_deleted":true}})",
                            to_string(read_winner(*fixture.database, "d00002")->head.winner)));
    CHECK(fixture.ids(page("", next)) == Ids{"d00003", "d00004", "d00005"});
    next = fixture.bookmark(page("", fixture.bookmark(page("", next))));
    CHECK(fixture.ids(page("", next)).empty());
    const std::string_view back = R"(,"sort":[{"_id":"desc"}])";
    CHECK(fixture.ids(page(back, "")) == Ids{"d00006", "d00005", "d00004"});
    CHECK(fixture.ids(page(back, fixture.bookmark(page(back, "")))) ==
          Ids{"d00003", "d00001", "d00000"});
    CHECK_THROWS_AS(fixture.ids(page("", "nil")), Refused);
    CHECK_THROWS_AS(fixture.ids(page("", "WzEsMl0")), Refused);
}

TEST_CASE("equality and $in on _id read only the documents of those ids") {
    FindFixture fixture;
    fixture.fill(50);
    const auto read = [&](std::string_view selector) {
        return *fixture
                    .statistics(
                        fmt::format(R"({{"selector":{},"execution_stats":true}})", selector))
                    .find("total_docs_examined")
                    ->integer();
    };
    CHECK(read(R"({"_id":"d00007"})") == 1);
    CHECK(read(R"({"_id":{"$in":["d00007","x","d00003","d00007",5]}})") == 2);
    CHECK(read(R"({"_id":{"$in":["d00007","d00003"]},"n":7})") == 2);
    CHECK(read(R"({"_id":{"$gte":"d00010","$lt":"d00020"}})") == 11);
    CHECK(read(R"({"n":7})") == 50);
    CHECK(fixture.ids(R"({"selector":{"_id":{"$in":["d00007","x","d00003"]}}})") ==
          Ids{"d00003", "d00007"});
    CHECK(fixture.ids(R"({"selector":{"_id":5}})").empty());
}

TEST_CASE("ids that are no strings bound nothing from below and everything from above") {
    FindFixture fixture;
    fixture.fill(3);
    CHECK(fixture.ids(R"({"selector":{"_id":{"$gte":null}}})").size() == 3);
    CHECK(fixture.ids(R"({"selector":{"_id":{"$gt":7}}})").size() == 3);
    CHECK(fixture.ids(R"({"selector":{"_id":{"$lt":7}}})").empty());
}

TEST_CASE("design documents are not found, and deleted ones neither") {
    FindFixture fixture;
    fixture.put(R"({"_id":"_design/d","n":1})");
    fixture.put(R"({"_id":"x","n":1})");
    fixture.put(R"({"_id":"y","_deleted":true,"n":1})");
    CHECK(fixture.ids(R"({"selector":{"n":1}})") == Ids{"x"});
    CHECK(fixture.ids(R"({"selector":{"_id":"_design/d"}})").empty());
}

TEST_CASE("a long scan is cut into pieces that together find what one scan finds") {
    FindFixture fixture;
    constexpr int count = 20'000;
    std::vector<Edit> edits;
    for (int i = 0; i < count; ++i) {
        const auto json = fmt::format(R"({{"_id":"d{:05}","n":{}}})", i, i);
        edits.push_back(make_edit(parse_client_document(json).value(), true).value());
    }
    fixture.database->writer().write(std::move(edits)).value();
    std::size_t sources = 0;
    const auto whole =
        parse_json(
            fixture.answer(R"({"selector":{"n":{"$mod":[7,3]}},"limit":100000,"fields":["n"]})",
                           &sources))
            .value();
    CHECK(sources > 1);
    const auto docs = whole.find("docs")->items();
    REQUIRE(docs.size() == 2857);
    for (std::size_t i = 0; i < docs.size(); ++i) {
        CHECK(docs[i].find("n")->integer() == static_cast<std::int64_t>(7 * i + 3));
    }
    CHECK(fixture.ids(R"({"selector":{"n":{"$gte":11999}},"limit":2,"skip":5000})") ==
          Ids{"d16999", "d17000"});

    std::size_t descending_sources = 0;
    const auto backwards =
        parse_json(fixture.answer(R"({"selector":{"_id":{"$gt":null},"n":{"$mod":[7,3]}},)"
                                  R"("limit":100000,"fields":["n"],"sort":[{"_id":"desc"}]})",
                                  &descending_sources))
            .value();
    CHECK(descending_sources == sources);
    const auto turned = backwards.find("docs")->items();
    REQUIRE(turned.size() == docs.size());
    for (std::size_t i = 0; i < docs.size(); ++i) {
        CHECK(turned[i].find("n")->integer() == docs[docs.size() - 1 - i].find("n")->integer());
    }
    CHECK(fixture.ids(R"({"selector":{"_id":{"$gt":"d00100","$lte":"d17000"}},)"
                      R"("sort":[{"_id":"desc"}],"limit":2,"skip":16898})") ==
          Ids{"d00102", "d00101"});
}

TEST_CASE("what is read after the limit is bounded") {
    FindFixture fixture;
    fixture.fill(1500);
    const auto stats =
        fixture.statistics(R"({"selector":{"n":{"$in":[3,4]}},"limit":2,"execution_stats":true})");
    CHECK(stats.find("total_docs_examined")->integer() == 5);
    const auto counted = fixture.statistics(
        R"({"selector":{"n":{"$in":[3,900]}},"limit":1,"execution_stats":true})");
    CHECK(counted.find("total_docs_examined")->integer() == 901);
}

TEST_CASE("many documents read for few found are worth a warning") {
    FindFixture fixture;
    fixture.fill(11);
    const auto warns = [&](std::string_view body) {
        return fixture.answer(body).find("number of documents examined") != std::string::npos;
    };
    CHECK(warns(R"({"selector":{"n":0}})"));
    CHECK_FALSE(warns(R"({"selector":{"n":{"$lt":2}}})"));
    CHECK(warns(R"({"selector":{"n":99}})"));
    CHECK_FALSE(warns(R"({"selector":{"_id":"d00003"}})"));
}

TEST_CASE("conflicts are shown and can be asked for where the query says so") {
    FindFixture fixture;
    fixture.write(R"({"_id":"x","_rev":"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","n":1})", false);
    fixture.write(R"({"_id":"x","_rev":"1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","n":2})", false);
    constexpr std::string_view asked = R"({"selector":{"_conflicts":{"$exists":true}})";
    CHECK(fixture.ids(std::string(asked) + "}").empty());
    CHECK(fixture.ids(std::string(asked) + R"(,"conflicts":true})") == Ids{"x"});
}

}  // namespace
}  // namespace divan::storage::mango
