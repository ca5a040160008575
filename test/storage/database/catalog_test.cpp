#include "storage/database/catalog.h"

#include <doctest/doctest.h>

#include "storage/database/attachment_store.h"
#include "storage/database/local_docs.h"
#include "storage/engine/fault_engine.h"
#include "test/storage/database/fixture.h"

namespace divan::storage {

TEST_CASE("catalog: a database is made once, listed, and gone when erased") {
    const auto engine = make_memory_engine();
    Catalog catalog(*engine);
    CHECK(catalog.create("b").has_value());
    CHECK(catalog.create("a").has_value());
    CHECK(catalog.create("a").error().code == Code::database_exists);
    CHECK(catalog.names({}) == std::vector<std::string>{"a", "b"});
    Catalog::NameRange backwards;
    backwards.descending = true;
    CHECK(catalog.names(backwards) == std::vector<std::string>{"b", "a"});

    CHECK(catalog.erase("a"));
    CHECK_FALSE(catalog.erase("a"));
    CHECK(catalog.open("a") == nullptr);
}

TEST_CASE("catalog: a database made anew has nothing of the old one, and another token") {
    DatabaseFixture f;
    f.put(R"({"_id":"a"})");
    LocalDocs(*f.database).put("x", "{}", 0);
    f.database->set_security(R"({"admins":{}})");
    const auto old = f.database->sequence_text(Sequence{1});

    CHECK(f.catalog.erase("db"));
    const auto fresh = f.catalog.create("db").value();
    CHECK(fresh->state().document_count == 0);
    CHECK(fresh->settings()->security.empty());
    CHECK_FALSE(read_winner(*fresh, "a"));
    CHECK_FALSE(LocalDocs(*fresh).get("x"));
    CHECK(fresh->parse_sequence(old).value() == Sequence{0});
}

TEST_CASE("sequences: a database that was restored to an earlier state starts over") {
    DatabaseFixture f;
    f.put(R"({"_id":"a"})");
    const auto& database = *f.database;
    CHECK(database.parse_sequence(database.sequence_text(Sequence{1})).value() == Sequence{1});
    CHECK(database.parse_sequence(database.sequence_text(Sequence{2})).value() == Sequence{0});
    // What a CouchDB 1 gave is of another server.
    CHECK(database.parse_sequence("1").value() == Sequence{0});
    CHECK_FALSE(database.parse_sequence("x").has_value());
}

TEST_CASE("catalog: everything is there again after a new start") {
    const auto engine = make_memory_engine();
    std::string uuid;
    {
        Catalog catalog(*engine);
        const auto database = catalog.create("db").value();
        database->set_revs_limit(7);
        uuid = database->entry().uuid;
        std::vector<Edit> edits;
        edits.push_back(make_edit(parse_client_document(R"({"_id":"a"})").value(), true).value());
        CHECK(database->writer().write(std::move(edits)).has_value());
    }
    Catalog catalog(*engine);
    const auto database = catalog.open("db");
    REQUIRE(database);
    CHECK(database->entry().uuid == uuid);
    CHECK(database->settings()->revs_limit == 7);
    CHECK(database->state().document_count == 1);
    CHECK(catalog.create("other").value()->id() != database->id());
}

TEST_CASE("catalog: a database whose deletion failed stays as it was") {
    FaultEngine faults(make_memory_engine());
    Catalog catalog(faults);
    const auto database = catalog.create("db").value();
    faults.fail_commits(1, EngineFailure(Code::storage_full, "no space"));
    CHECK_THROWS_AS(catalog.erase("db"), EngineFailure);

    CHECK(catalog.open("db") == database);
    std::vector<Edit> edits;
    edits.push_back(make_edit(parse_client_document(R"({"_id":"a"})").value(), true).value());
    CHECK(database->writer().write(std::move(edits)).value().front().has_value());
    CHECK(catalog.erase("db"));
    CHECK(catalog.open("db") == nullptr);
}

TEST_CASE("catalog: idle databases are let go, used ones stay") {
    const auto engine = make_memory_engine();
    Catalog catalog(*engine, 2);
    const auto used = catalog.create("a").value();
    for (const char* name : {"b", "c", "d"}) CHECK(catalog.create(name).has_value());
    CHECK(catalog.open_databases().size() <= 3);
    CHECK(catalog.open("a") == used);
}

TEST_CASE("catalog: a start takes away the bytes of uploads that were cut off") {
    const auto engine = make_memory_engine();
    const std::string megabyte(1U << 20, 'x');
    {
        Catalog catalog(*engine);
        auto database = catalog.create("db").value();
        auto writer = std::make_unique<AttachmentWriter>(database, "a", "image/png", false,
                                                         AttachmentSettings{});
        for (int n = 0; n < 3; ++n) writer->append(megabyte);
        writer->finish();
        writer->keep();  // As a crash would: nothing is cleaned up, and no edit names it.
    }
    const auto any = [&] {
        const auto cursor = engine->cursor(Family::attachments, "", "");
        cursor->seek("");
        return cursor->valid();
    };
    CHECK(any());
    Catalog again(*engine);
    CHECK_FALSE(any());
}

TEST_CASE("attachments: what an abandoned upload stored is gone at once") {
    DatabaseFixture f;
    {
        AttachmentWriter writer(f.database, "a", "image/png", false, AttachmentSettings{});
        writer.append(std::string(3U << 20, 'x'));
    }
    const auto cursor = f.engine->cursor(Family::attachments, "", "");
    cursor->seek("");
    CHECK_FALSE(cursor->valid());
}

TEST_CASE("database names are judged as CouchDB does") {
    for (const char* good : {"a", "a_b$c(d)e+f-g/h", "_users", "_replicator", "x/_replicator"}) {
        CAPTURE(good);
        CHECK(validate_database_name(good).has_value());
    }
    for (const char* bad : {"", "A", "1a", "_foo", "a.b", "a b", "/a", "_x/_users"}) {
        CAPTURE(bad);
        CHECK_FALSE(validate_database_name(bad).has_value());
    }
}

}  // namespace divan::storage
