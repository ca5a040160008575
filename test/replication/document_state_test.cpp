#include "replication/document_state.h"

#include <doctest/doctest.h>

#include "storage/database/read_view.h"
#include "storage/engine/memory_engine.h"

namespace divan::replication {
namespace {

constexpr std::int64_t now = 1'700'000'000;

std::string changed(std::string_view body, const StateFields& fields) {
    return with_state(parse_json(body).value(), fields, now);
}

}  // namespace

TEST_CASE("replication documents: which databases have them") {
    CHECK(holds_replications("_replicator"));
    CHECK(holds_replications("a/_replicator"));
    CHECK(holds_replications("a/b/_replicator"));
    CHECK_FALSE(holds_replications("x_replicator"));
    CHECK_FALSE(holds_replications("_users"));
    CHECK_FALSE(holds_replications("_replicator/x"));
}

TEST_CASE("replication documents: states are written over the rest of the document") {
    CHECK(changed(R"({"source":"a","x":1})", completed_fields(R"({"docs_read":3})")) ==
          R"({"source":"a","x":1,"_replication_state":"completed",)"
          R"("_replication_state_time":"2023-11-14T22:13:20Z",)"
          R"("_replication_stats":{"docs_read":3}})");
    CHECK(changed(R"({"_replication_state":"error","_replication_state_reason":"x",)"
                  R"("_replication_state_time":"t","_replication_stats":{}})",
                  failed_fields("no \"url\"")) ==
          R"({"_replication_state":"failed","_replication_state_reason":"no \"url\"",)"
          R"("_replication_state_time":"2023-11-14T22:13:20Z"})");
    CHECK(changed(R"({"a":1,"_replication_state":"error","_replication_id":"i"})", no_fields()) ==
          R"({"a":1})");
    // The time is that of the last change of the state.
    const auto body = R"({"_replication_state":"error","_replication_state_time":"t",)"
                      R"("_replication_state_reason":"old","_replication_id":null})";
    CHECK(parse_json(changed(body, error_fields("new", "")))
              .value()
              .find("_replication_state_time")
              ->string() == "t");
}

TEST_CASE("replication documents: a state is written into what is stored, attachments kept") {
    const auto engine = storage::make_memory_engine();
    storage::Catalog catalog(*engine);
    const auto database = catalog.create("_replicator").value();
    auto document = storage::parse_client_document(
                        R"({"source":"a","_attachments":{"t":{"data":"aGV5"}}})")
                        .value();
    document.id.emplace(1, 'd');
    std::vector<storage::Edit> edits;
    edits.push_back(storage::make_edit(std::move(document), true).value());
    database->writer().write(std::move(edits)).value()[0].value();

    write_state(catalog, "_replicator", "d", failed_fields("why"), now);
    write_state(catalog, "_replicator", "none", failed_fields("why"), now);
    write_state(catalog, "gone", "d", failed_fields("why"), now);

    const auto found = storage::read_winner(*database, "d");
    REQUIRE(found);
    CHECK(found->head.winner.generation == 2);
    CHECK(parse_json(found->body.text()).value().find("_replication_state")->string() == "failed");
    CHECK(found->body.attachments().size() == 1);

    write_state(catalog, "_replicator", "d", failed_fields("why"), now);
    CHECK(storage::read_winner(*database, "d")->head.winner.generation == 2);  // Nothing new.
}

}  // namespace divan::replication
