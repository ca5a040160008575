#include "storage/query/mango/index_source.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "storage/query/mango/definition.h"
#include "storage/query/mango/field_mapper.h"
#include "storage/query/mango/find.h"
#include "storage/query/mango/find_answer.h"
#include "storage/query/mango/index_cache.h"
#include "test/storage/database/fixture.h"

namespace divan::storage::mango {
namespace {

using Ids = std::vector<std::string>;

struct IndexFixture : DatabaseFixture {
    IndexCache cache;
    storage::Indexes opened{[](const std::function<void()>& work) { work(); }};

    /// Makes an index as `_index` does; "a,b" are its fields and name.
    void index(const std::string& fields, const std::string& rest = "") {
        std::string quoted = "\"";
        for (const char c : fields) quoted += c == ',' ? std::string("\",\"") : std::string(1, c);
        quoted += '"';
        const auto definition = parse_definition(
            parse_json(fmt::format(R"({{"index":{{"fields":[{}]{}}},"ddoc":"{}","name":"{}"}})",
                                   quoted, rest, fields, fields))
                .value());
        auto text = with_index(nullptr, definition).value();
        put(fmt::format(R"({{"_id":"_design/{}",{})", fields, text.substr(1)));
    }

    OpenIndex open(const Index& index) {
        const auto body = parse_json(text(index.design)).value();
        const auto map = *body.find("views")->find(index.name)->find("map");
        auto definition = std::make_shared<storage::IndexDefinition>();
        definition->kind = storage::IndexDefinition::Kind::mango;
        definition->signature = fmt::format("{:0>32}", index.name);
        definition->trees.emplace_back();
        definition->mapper = make_field_mapper({&map, 1});
        const auto opened_index = opened.open(database, definition);
        opened_index->when_at(database->state().update_sequence,
                              [](const Result<void>& done) { CHECK(done.has_value()); });
        return {opened_index->read(), 0};
    }

    struct Found {
        std::string index;
        Ids ids;
        JsonValue answer;
    };
    Found find(std::string_view body) {
        const auto view = database->view();
        const auto options = parse_find(parse_json(body).value(), 25);
        const auto plan = make_plan(cache.of(*view), options, false, PlanFor::find);
        auto find = plan.index->all_docs() || plan.nothing ? Find(view, plan, options)
                                                           : Find(open(*plan.index), plan, options);
        FindAnswer answer(plan, options, 10);
        std::string out;
        bool more = true;
        while (auto source = more ? find.next_source() : nullptr) {
            for (bool exhausted = false; more && !exhausted;) {
                auto limits = answer.limits();
                limits.documents = 3;
                const auto matches = source->step(limits);
                exhausted = matches.exhausted;
                more = answer.take(matches, out) || !answer.satisfied();
            }
        }
        answer.finish(0, out);
        Found found{plan.index->name, {}, parse_json(out).value()};
        for (const auto& doc : found.answer.find("docs")->items()) {
            if (const auto* id = doc.find("_id")) found.ids.push_back(id->string());
        }
        return found;
    }
    std::int64_t statistic(const Found& found, std::string_view name) {
        return found.answer.find("execution_stats")->find(name)->integer().value();
    }
};

TEST_CASE("rows come in the order of the index, and pages follow each other both ways") {
    IndexFixture fixture;
    fixture.index("n");
    for (int i = 0; i < 7; ++i) fixture.put(fmt::format(R"({{"_id":"d{}","n":{}}})", i, i % 4));
    fixture.put(R"({"_id":"none"})");
    const std::string query = R"({"selector":{"n":{"$gte":0}},"fields":["_id"],"limit":3)";
    const auto first = fixture.find(query + "}");
    CHECK(first.index == "n");
    CHECK(first.ids == Ids{"d0", "d4", "d1"});
    const auto page = [&](const IndexFixture::Found& last, std::string_view rest) {
        return fixture.find(fmt::format(R"({},"bookmark":"{}"{}}})", query,
                                        last.answer.find("bookmark")->string(), rest));
    };
    const auto second = page(first, "");
    CHECK(second.ids == Ids{"d5", "d2", "d6"});
    const auto third = page(second, "");
    CHECK(third.ids == Ids{"d3"});
    CHECK(page(third, "").ids.empty());
    constexpr std::string_view back = R"(,"sort":[{"n":"desc"}])";
    const auto last = fixture.find(query + std::string(back) + "}");
    CHECK(last.ids == Ids{"d3", "d6", "d2"});
    CHECK(page(last, back).ids == Ids{"d5", "d1", "d4"});
}

TEST_CASE("an index that has all that is asked for reads no documents") {
    IndexFixture fixture;
    fixture.index("a.b,c");
    fixture.put(R"({"_id":"x","a":{"b":1,"z":2},"c":"y","d":3})");
    const auto found = fixture.find(
        R"({"selector":{"a.b":1,"c":{"$gt":"a"}},"fields":["a.b","_id"],"execution_stats":true})");
    CHECK(found.answer.find("docs")->dump() == R"([{"a":{"b":1},"_id":"x"}])");
    CHECK(fixture.statistic(found, "total_docs_examined") == 0);
    CHECK(fixture.statistic(found, "total_keys_examined") == 1);
}

TEST_CASE("$in on a field of the index is looked up, arrays too") {
    IndexFixture fixture;
    fixture.index("a,b");
    for (int i = 0; i < 100; ++i) {
        fixture.put(fmt::format(R"({{"_id":"d{:02}","a":{},"b":{}}})", i, i % 2, i));
    }
    fixture.put(R"({"_id":"list","a":1,"b":[70,5]})");
    fixture.put(R"({"_id":"other","a":1,"b":[1]})");
    const auto found = fixture.find(
        R"({"selector":{"a":1,"b":{"$in":[33,5,"x",{"k":1},12,33]}},"execution_stats":true})");
    CHECK(found.ids == Ids{"d05", "d33", "list"});
    CHECK(fixture.statistic(found, "total_keys_examined") == 4);
    const auto first = fixture.find(
        R"({"selector":{"a":{"$in":[1,0]}},"limit":1,"execution_stats":true,"sort":["a","b"]})");
    CHECK(first.ids == Ids{"d00"});
}

TEST_CASE("a partial index has only the documents that its filter takes") {
    IndexFixture fixture;
    fixture.index("n", R"(,"partial_filter_selector":{"open":true})");
    fixture.put(R"({"_id":"a","n":1,"open":true})");
    fixture.put(R"({"_id":"b","n":1})");
    CHECK(fixture.find(R"({"selector":{"n":1},"use_index":"n"})").ids == Ids{"a"});
    CHECK(fixture.find(R"({"selector":{"n":1}})").ids == Ids{"a", "b"});
}

/// Values of every type, equal ones too, so that every border is hit.
std::string random_value(std::mt19937& random) {
    static const std::vector<std::string> values = {
        "null",  "false", "true",  "-1", "0",   "0.0",   "1",       "2.5", "\"\"",
        "\"a\"", "\"A\"", "\"b\"", "[]", "[1]", "[1,2]", "[\"a\"]", "{}",  R"({"k":1})"};
    return values[random() % values.size()];
}

std::string random_condition(std::mt19937& random) {
    static const std::vector<std::string> operators = {"$lt", "$lte", "$eq", "$gte", "$gt", "$ne"};
    if (random() % 4 == 0) {
        return fmt::format(R"({{"$in":[{},{}]}})", random_value(random), random_value(random));
    }
    auto condition =
        fmt::format(R"({{"{}":{})", operators[random() % operators.size()], random_value(random));
    if (random() % 3 == 0) condition += fmt::format(R"(,"$gt":{})", random_value(random));
    return condition + "}";
}

TEST_CASE("an index finds what a scan finds, in its order, whole or by pages") {
    IndexFixture fixture;
    fixture.index("a");
    fixture.index("a,b");
    fixture.index("b,a");
    std::mt19937 random(7);
    for (int i = 0; i < 300; ++i) {
        fixture.put(fmt::format(R"({{"_id":"d{:03}","a":{},"b":{}}})", i, random_value(random),
                                random_value(random)));
    }
    int indexed = 0;
    for (int round = 0; round < 300; ++round) {
        const auto selector =
            fmt::format(R"({{"a":{},"b":{}}})", random_condition(random), random_condition(random));
        CAPTURE(selector);
        const auto found = fixture.find(fmt::format(R"({{"selector":{},"limit":1000}})", selector));
        indexed += found.index != "_all_docs";
        auto sorted = found.ids;
        std::sort(sorted.begin(), sorted.end());
        // `$or` of one is the same query, but no index can narrow it and none is complete.
        const auto scanned = fixture.find(
            fmt::format(R"({{"selector":{{"$or":[{},{{"nothing":1}}]}},"limit":1000}})", selector));
        CHECK(scanned.index == "_all_docs");
        CHECK(sorted == scanned.ids);

        Ids paged;
        std::string bookmark;
        do {
            const auto page = fixture.find(
                fmt::format(R"({{"selector":{},"limit":7,"bookmark":"{}"}})", selector, bookmark));
            if (page.ids.empty()) break;
            paged.insert(paged.end(), page.ids.begin(), page.ids.end());
            bookmark = page.answer.find("bookmark")->string();
        } while (true);
        CHECK(paged == found.ids);
    }
    CHECK(indexed > 200);
}

}  // namespace
}  // namespace divan::storage::mango
