#include "storage/database/local_docs.h"

#include <doctest/doctest.h>

#include "test/storage/database/fixture.h"

namespace divan::storage {

TEST_CASE("local docs: a stored document reads back with the next edit count") {
    DatabaseFixture f;
    LocalDocs docs(*f.database);
    CHECK(docs.put("checkpoint", R"({"seq":7})", 0) == 1);

    const auto doc = docs.get("checkpoint");
    REQUIRE(doc);
    CHECK(doc->edit_count == 1);
    CHECK(doc->body == R"({"seq":7})");
}

TEST_CASE("local docs: the last writer wins, whatever it has seen") {
    DatabaseFixture f;
    LocalDocs docs(*f.database);
    docs.put("checkpoint", R"({"seq":7})", 4);
    CHECK(docs.put("checkpoint", R"({"seq":3})", 0) == 1);
    CHECK(docs.get("checkpoint")->body == R"({"seq":3})");
}

TEST_CASE("local docs: databases do not see each other's") {
    DatabaseFixture f;
    const auto other = f.catalog.create("other").value();
    LocalDocs(*f.database).put("checkpoint", "{}", 0);
    CHECK_FALSE(LocalDocs(*other).get("checkpoint"));
    CHECK_FALSE(LocalDocs(*other).erase("checkpoint"));
    CHECK(LocalDocs(*f.database).erase("checkpoint"));
}

TEST_CASE("local docs: a walk goes both ways within its range") {
    DatabaseFixture f;
    LocalDocs docs(*f.database);
    for (const char* id : {"a", "b", "c", "d"}) docs.put(id, "{}", 0);
    const auto walk = [&](IdRange range) {
        std::string ids;
        LocalDocsScan scan(f.database->view(), std::move(range));
        while (const auto* row = scan.next()) ids += row->id;
        return ids;
    };
    CHECK(walk({}) == "abcd");
    IdRange range;
    range.start = "b";
    range.end = "c";
    CHECK(walk(range) == "bc");
    range.start = "c";
    range.end = "a";
    range.inclusive_end = false;
    range.descending = true;
    CHECK(walk(range) == "cb");
    IdRange part;
    part.skip = 1;
    part.limit = 2;
    CHECK(walk(part) == "bc");
}

TEST_CASE("local revisions: only 0-N is accepted") {
    CHECK(parse_local_revision("0-12").value() == 12);
    for (const char* bad : {"", "0-", "12", "1-12", "0-12x", "0--1", "0-99999999999999999999"}) {
        CAPTURE(bad);
        CHECK(parse_local_revision(bad).error().code == Code::bad_request);
    }
}

}  // namespace divan::storage
