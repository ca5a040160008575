#include "storage/database/writer.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <thread>

#include "storage/database/changes.h"
#include "storage/engine/fault_engine.h"
#include "test/storage/database/fixture.h"

namespace divan::storage {
namespace {

Code code_of(const EditOutcome& outcome) {
    REQUIRE_FALSE(outcome.has_value());
    return outcome.error().code;
}

std::vector<std::uint64_t> sequences(const Database& database) {
    std::vector<std::uint64_t> found;
    ChangesScan scan(database.view(), Sequence{0});
    while (const auto* change = scan.next()) found.push_back(change->sequence.value);
    return found;
}

}  // namespace

TEST_CASE("writer: a first edit gets CouchDB's own revision and can be read") {
    DatabaseFixture f;
    CHECK(f.put(R"({"_id":"a","n":1})") == "1-731bef401491606a3b246ed178e697c1");
    CHECK(f.text("a") == R"({"n":1})");
    CHECK(f.database->state().document_count == 1);
    CHECK(f.database->state().update_sequence == Sequence{1});
}

TEST_CASE("writer: an edit must name a leaf of a document that exists") {
    DatabaseFixture f;
    const auto first = f.put(R"({"_id":"a","n":1})");
    CHECK(code_of(f.write(R"({"_id":"a","n":2})")) == Code::conflict);
    CHECK(code_of(f.write(R"({"_id":"a","_rev":"1-00","n":2})")) == Code::conflict);
    CHECK(code_of(f.write(R"({"_id":"b","_rev":"1-00","n":2})")) == Code::conflict);

    const auto second = f.put(fmt::format(R"({{"_id":"a","_rev":"{}","n":2}})", first));
    CHECK(second.starts_with("2-"));
    CHECK(code_of(f.write(fmt::format(R"({{"_id":"a","_rev":"{}","n":3}})", first))) ==
          Code::conflict);
    CHECK(f.text("a") == R"({"n":2})");
}

TEST_CASE("writer: a deleted document takes no child, but can be made anew on its tombstone") {
    DatabaseFixture f;
    const auto first = f.put(R"({"_id":"a","n":1})");
    const auto tombstone =
        f.put(fmt::format(R"({{"_id":"a","_rev":"{}","_deleted":true}})", first));
    CHECK(f.database->state().document_count == 0);
    CHECK(f.database->state().deleted_count == 1);

    CHECK(code_of(f.write(fmt::format(R"({{"_id":"a","_rev":"{}","n":2}})", tombstone))) ==
          Code::conflict);
    CHECK(code_of(f.write(R"({"_id":"a","_deleted":true})")) == Code::conflict);
    CHECK(f.put(R"({"_id":"a","n":3})").starts_with("3-"));
    CHECK(f.database->state().document_count == 1);
    CHECK(f.database->state().deleted_count == 0);
}

TEST_CASE("writer: edits of one request are numbered in the order of their ids") {
    DatabaseFixture f;
    std::vector<Edit> edits;
    for (const char* json : {R"({"_id":"c"})", R"({"_id":"a"})", R"({"_id":"b"})"}) {
        edits.push_back(make_edit(parse_client_document(json).value(), true).value());
    }
    const auto outcomes = f.database->writer().write(std::move(edits)).value();
    for (const auto& outcome : outcomes) CHECK(outcome.has_value());

    std::string order;
    ChangesScan scan(f.database->view(), Sequence{0});
    while (const auto* change = scan.next()) order += change->id;
    CHECK(order == "abc");
}

TEST_CASE("writer: replicated edits keep their revisions and make conflicts") {
    DatabaseFixture f;
    const auto replicate = [&](const char* json) { CHECK(f.write(json, false).has_value()); };
    replicate(R"({"_id":"a","_rev":"2-b","_revisions":{"start":2,"ids":["b","a"]},"v":"b"})");
    replicate(R"({"_id":"a","_rev":"2-c","_revisions":{"start":2,"ids":["c","a"]},"v":"c"})");
    CHECK(f.text("a") == R"({"v":"c"})");
    const auto sequence = f.database->state().update_sequence;
    replicate(R"({"_id":"a","_rev":"2-c","_revisions":{"start":2,"ids":["c","a"]},"v":"c"})");
    CHECK(f.database->state().update_sequence == sequence);

    const auto view = f.database->view();
    CHECK(view->record("a")->tree.leaves().size() == 2);
    CHECK(view->body("a", parse_revision("2-b").value())->text() == R"({"v":"b"})");
}

TEST_CASE("writer: a bad stub refuses the whole request and writes nothing") {
    DatabaseFixture f;
    std::vector<Edit> edits;
    edits.push_back(make_edit(parse_client_document(R"({"_id":"a"})").value(), true).value());
    edits.push_back(make_edit(parse_client_document(
                                  R"({"_id":"b","_attachments":{"x":{"stub":true}}})")
                                  .value(),
                              true)
                        .value());
    const auto outcomes = f.database->writer().write(std::move(edits));
    REQUIRE_FALSE(outcomes.has_value());
    CHECK(outcomes.error().code == Code::missing_stub);
    CHECK(f.text("a").empty());
    CHECK(sequences(*f.database).empty());
}

TEST_CASE("writer: a document deleted and made anew in one request cannot take over by stub") {
    DatabaseFixture f;
    const auto first = f.put(
        R"({"_id":"a","_attachments":{"x":{"content_type":"image/png","data":"AAAA"}}})");
    std::vector<Edit> edits;
    for (const auto& json :
         {fmt::format(R"({{"_id":"a","_rev":"{}","_deleted":true}})", first),
          std::string(R"({"_id":"a","_attachments":{"x":{"stub":true}}})")}) {
        edits.push_back(make_edit(parse_client_document(json).value(), true).value());
    }
    const auto outcomes = f.database->writer().write(std::move(edits)).value();
    CHECK(outcomes[0].has_value());
    CHECK(code_of(outcomes[1]) == Code::missing_stub);
    CHECK(read_winner(*f.database, "a")->head.deleted);
}

TEST_CASE("writer: stemming keeps as many revisions as the limit says") {
    DatabaseFixture f;
    f.database->set_revs_limit(3);
    auto revision = f.put(R"({"_id":"a","n":0})");
    for (int n = 1; n < 10; ++n) {
        revision = f.put(fmt::format(R"({{"_id":"a","_rev":"{}","n":{}}})", revision, n));
    }
    const auto record = f.database->view()->record("a");
    CHECK(record->tree.nodes().size() == 3);
    CHECK(f.text("a") == R"({"n":9})");
}

TEST_CASE("writer: threads that write at once get every sequence exactly once") {
    DatabaseFixture f;
    constexpr int threads = 8;
    constexpr int edits_each = 50;
    std::vector<std::thread> writers;
    for (int t = 0; t < threads; ++t) {
        writers.emplace_back([&f, t] {
            for (int n = 0; n < edits_each; ++n) f.put(fmt::format(R"({{"_id":"{}-{}"}})", t, n));
        });
    }
    for (auto& writer : writers) writer.join();

    const auto found = sequences(*f.database);
    REQUIRE(found.size() == threads * edits_each);
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == i + 1);
}

TEST_CASE("writer: what the store refuses is told, and nothing of it is there") {
    FaultEngine faults(make_memory_engine());
    Catalog catalog(faults);
    const auto database = catalog.create("db").value();
    const auto write = [&](const char* json) {
        std::vector<Edit> edits;
        edits.push_back(make_edit(parse_client_document(json).value(), true).value());
        return database->writer().write(std::move(edits));
    };
    faults.fail_commits(1, EngineFailure(Code::storage_full, "no space"));
    const auto refused = write(R"({"_id":"a"})");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::storage_full);
    CHECK_FALSE(read_winner(*database, "a"));

    CHECK(write(R"({"_id":"a"})").value().front().has_value());
    CHECK(database->state().update_sequence == Sequence{1});
    CHECK(database->state().document_count == 1);
}

TEST_CASE("writer: a purge takes leaves away and always moves the sequence") {
    DatabaseFixture f;
    const auto revision = parse_revision(f.put(R"({"_id":"a"})")).value();
    f.put(R"({"_id":"b"})");

    const auto purged = f.database->writer().purge({{"a", {revision}}, {"none", {}}}).value();
    CHECK(purged.rows[0] == std::vector<Revision>{revision});
    CHECK(purged.rows[1].empty());
    CHECK(purged.purge_sequence == 2);
    CHECK_FALSE(read_winner(*f.database, "a"));
    CHECK(f.database->state().document_count == 1);
    CHECK(f.database->state().update_sequence == Sequence{3});
    CHECK(sequences(*f.database) == std::vector<std::uint64_t>{2});
}

TEST_CASE("compaction: bodies of old revisions go, leaves stay, attachments follow their names") {
    DatabaseFixture f;
    const auto first = f.put(
        R"({"_id":"a","_attachments":{"x":{"content_type":"image/png","data":"AAAA"},
            "y":{"content_type":"image/png","data":"BBBB"}}})");
    const auto second = f.put(fmt::format(
        R"({{"_id":"a","_rev":"{}","_attachments":{{"x":{{"stub":true}}}}}})", first));
    CHECK(f.database->view()->body("a", parse_revision(first).value()));
    const auto before = f.database->state();

    CHECK(f.database->compact());
    const auto view = f.database->view();
    CHECK_FALSE(view->body("a", parse_revision(first).value()));
    const auto body = view->body("a", parse_revision(second).value());
    REQUIRE(body);
    Bytes bytes;
    view->read_attachment(*body->attachment("x"), 0, 100, bytes);
    CHECK(bytes.size() == 3);
    CHECK(view->state().attachment_bytes == 3);
    CHECK(view->state().garbage_bytes == 0);
    CHECK(view->state().update_sequence == before.update_sequence);
}

TEST_CASE("writer: a deleted database refuses what was queued") {
    DatabaseFixture f;
    CHECK(f.catalog.erase("db"));
    std::vector<Edit> edits;
    edits.push_back(make_edit(parse_client_document(R"({"_id":"a"})").value(), true).value());
    const auto outcomes = f.database->writer().write(std::move(edits));
    REQUIRE_FALSE(outcomes.has_value());
    CHECK(outcomes.error().code == Code::not_found);
}

}  // namespace divan::storage
