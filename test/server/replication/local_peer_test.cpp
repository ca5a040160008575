#include "server/replication/local_peer.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "replication/job.h"
#include "server/handlers/bulk/bulk.h"
#include "storage/base/json.h"
#include "storage/base/log.h"
#include "test/server/handlers/handler_host.h"
#include "test/support/compare_databases.h"

namespace divan::server {
namespace {

using namespace replication;

/// A server with databases "db" and "copy", between which jobs run.
struct Place {
    HandlerHost host;
    std::shared_ptr<storage::Database> source = host.database().shared_from_this();
    std::shared_ptr<storage::Database> target = host.catalog().create("copy").value();
    Clock clock;
    Identity who{"admin", {"_admin"}, "default"};

    Place() { set_log_level(LogLevel::none); }

    /// A `_bulk_docs` of "db" without new edits.
    void put(const std::string& docs) {
        CHECK(host.post(post_bulk_docs, R"({"new_edits":false,"docs":[)" + docs + "]}").body ==
              "[]\n");
    }

    JobSettings settings() const {
        JobSettings settings;
        settings.checkpoint_id = "check";
        settings.worker_batch_size = 7;
        settings.missing_document_retry = std::chrono::milliseconds(1);
        return settings;
    }

    struct Ended {
        JsonValue answer;
        std::string error;
        JobProgress progress;
    };

    Task<void> drive(IoLoop& loop, JobSettings settings, Ended& ended,
                     std::function<void(Job&)> act) {
        {
            Job job(make_local_peer(host.services(), "db", "http://here/db/", who),
                    make_local_peer(host.services(), "copy", "http://here/copy/", who),
                    std::move(settings), clock);
            if (act) loop.post([&] { act(job); });
            try {
                const auto answer = co_await job.run();
                ended.answer = parse_json(answer).value();
            } catch (const PeerFailure& failure) {
                ended.error = failure.error() + ": " + failure.reason();
            }
            ended.progress = job.progress();
        }
        loop.stop();
    }

    Ended run(JobSettings settings, std::function<void(Job&)> act = {}) {
        const auto loop = IoLoop::create();
        Ended ended;
        loop->post([&] { spawn(drive(*loop, std::move(settings), ended, std::move(act))); });
        loop->run();
        return ended;
    }

    bool same() const {
        return test::describe_leaves(source) == test::describe_leaves(target);
    }
};

std::string documents(int count) {
    std::string docs;
    for (int i = 0; i < count; ++i) {
        if (i > 0) docs += ',';
        docs += fmt::format(R"({{"_id":"d{}","_rev":"1-a{}","n":{}}})", i, i, i);
    }
    return docs;
}

// Conflicts of several depths, tombstones, a design document, attachments in conflict branches.
constexpr auto varied = R"(
    {"_id":"a","_revisions":{"start":3,"ids":["c","b","a"]},"n":1},
    {"_id":"a","_revisions":{"start":3,"ids":["x","b","a"]},"n":2},
    {"_id":"a","_revisions":{"start":2,"ids":["y","a"]},"_deleted":true},
    {"_id":"gone","_revisions":{"start":2,"ids":["b","a"]},"_deleted":true,"why":"é"},
    {"_id":"apart","_rev":"5-q","n":1e2},
    {"_id":"apart","_rev":"7-r","n":3},
    {"_id":"_design/d","_rev":"1-z","views":{"v":{"map":"function(doc) { emit(1); }"}}},
    {"_id":"with","_revisions":{"start":2,"ids":["b","a"]},"_attachments":{
        "t.txt":{"content_type":"text/plain","data":"aGVsbG8gaGVsbG8gaGVsbG8=","revpos":1},
        "b.bin":{"content_type":"application/octet-stream","data":"AAECAwQ=","revpos":2},
        "none":{"content_type":"text/plain","data":"","revpos":2}}},
    {"_id":"with","_revisions":{"start":2,"ids":["c","a"]},"_attachments":{
        "t.txt":{"content_type":"text/plain","data":"b3RoZXI=","revpos":2}}})";

}  // namespace

TEST_CASE("local to local: every leaf arrives as it was") {
    Place place;
    place.put(documents(40));
    place.put(varied);
    const auto ended = place.run(place.settings());
    CHECK(ended.error.empty());
    CHECK(place.same());
    const auto& last = ended.answer.find("history")->items().front();
    CHECK(last.find("docs_written")->integer() == 49);
    CHECK(last.find("missing_found")->integer() == 49);
    CHECK(ended.progress.changes_pending == 0);
    CHECK(test::describe_leaves(place.target).find("BROKEN") == std::string::npos);

    const auto again = place.run(place.settings());
    CHECK(again.answer.find("no_changes") != nullptr);
}

TEST_CASE("local to local: what is new later goes with stubs for what is known") {
    Place place;
    place.put(varied);
    place.run(place.settings());
    place.put(R"({"_id":"with","_revisions":{"start":3,"ids":["d","b","a"]},"_attachments":{
        "t.txt":{"stub":true,"content_type":"text/plain","revpos":1},
        "new":{"content_type":"image/png","data":"AAAA","revpos":3}}},
        {"_id":"a","_revisions":{"start":4,"ids":["d","c","b","a"]},"_deleted":true})");
    CHECK(place.run(place.settings()).error.empty());
    CHECK(place.same());
}

TEST_CASE("local to local: large attachments") {
    Place place;
    std::string text;
    for (int i = 0; i < 200'000; ++i) text += static_cast<char>('0' + i % 7);
    for (const auto* type : {"text/plain", "image/png"}) {
        place.put(fmt::format(
            R"({{"_id":"{}","_rev":"1-a","_attachments":{{"x":{{"content_type":"{}","data":"{}"}},)"
            R"("y":{{"content_type":"{}","data":"AAAA"}}}}}})",
            type, type, text, type));
    }
    CHECK(place.run(place.settings()).error.empty());
    CHECK(place.same());
    CHECK(test::describe_leaves(place.target).find("BROKEN") == std::string::npos);
}

TEST_CASE("local to local: filters") {
    Place place;
    place.put(documents(20));
    place.put(varied);
    SUBCASE("document ids") {
        auto settings = place.settings();
        settings.changes.doc_ids = {"a", "d3", "unknown"};
        const auto ended = place.run(settings);
        CHECK(ended.answer.find("docs_written")->integer() == 4);
        CHECK(place.target->state().document_count == 2);
    }
    SUBCASE("a selector") {
        auto settings = place.settings();
        settings.changes.selector = R"({"n":{"$lt":3}})";
        place.run(settings);
        CHECK(place.target->view()->head("d2").has_value());
        CHECK_FALSE(place.target->view()->head("d3").has_value());
    }
    SUBCASE("design documents") {
        auto settings = place.settings();
        settings.changes.filter = "_design";
        place.run(settings);
        CHECK(place.target->state().document_count == 1);
    }
    SUBCASE("winners alone") {
        auto settings = place.settings();
        settings.changes.winning_revisions_only = true;
        const auto ended = place.run(settings);
        CHECK(ended.answer.find("history")->items().front().find("docs_written")->integer() == 25);
    }
    SUBCASE("one that is none") {
        auto settings = place.settings();
        settings.changes.filter = "nonsense";
        CHECK(place.run(settings).error ==
              "bad_request: `filter` must be of the form `designname/filtername`");
    }
}

TEST_CASE("local to local: a continuous job waits on the bell, and ends with its database") {
    Place place;
    place.put(documents(10));
    auto settings = place.settings();
    settings.changes.continuous = true;
    const auto ended = place.run(settings, [&](Job& job) {
        EventLoop::current()->after(std::chrono::milliseconds(100), [&] {
            std::string json = R"({"_id":"late","_rev":"1-x"})";
            auto document = storage::parse_client_document(json).value();
            std::vector<storage::Edit> edits;
            edits.push_back(storage::make_edit(std::move(document), false).value());
            if (place.source->writer().submit(std::move(edits), [](storage::EditOutcomes) {})) {
                place.source->writer().drain();
            }
            EventLoop::current()->after(std::chrono::milliseconds(200), [&] { job.stop(); });
        });
    });
    CHECK(ended.error.empty());
    CHECK(place.same());
    CHECK(place.target->view()->head("late").has_value());

    const auto deleted = place.run(settings, [&](Job&) {
        EventLoop::current()->after(std::chrono::milliseconds(50),
                                    [&] { place.host.catalog().erase("db"); });
    });
    CHECK(deleted.error == "not_found: Database does not exist.");
}

TEST_CASE("local peers: who may not, is refused") {
    Place place;
    place.put(documents(3));
    place.who = {"nobody", {}, "default"};
    place.source->set_security(R"({"members":{"names":["somebody"]}})");
    CHECK(place.run(place.settings()).error == "forbidden: http://here/db/");
    place.source->set_security("{}");
    CHECK(place.run(place.settings()).error == "forbidden: http://here/copy/");
    place.target->set_security("{}");
    CHECK(place.run(place.settings()).error.empty());
    CHECK(place.same());

    // A design document is for admins: the rest goes on.
    place.put(R"({"_id":"_design/d","_rev":"1-z"},{"_id":"e","_rev":"1-z"})");
    const auto ended = place.run(place.settings());
    const auto& last = ended.answer.find("history")->items().front();
    CHECK(last.find("doc_write_failures")->integer() == 1);
    CHECK(place.target->view()->head("e").has_value());
    CHECK_FALSE(place.target->view()->head("_design/d").has_value());
}

TEST_CASE("local peers: a target is made for admins alone") {
    Place place;
    place.put(documents(3));
    auto settings = place.settings();
    settings.create_target = true;
    place.host.catalog().erase("copy");
    CHECK(place.run(place.settings()).error == "db_not_found: could not open http://here/copy/");
    place.who = {"nobody", {}, "default"};
    place.source->set_security("{}");
    CHECK(place.run(settings).error ==
          "unauthorized: unauthorized to access or create database http://here/copy/");
    place.who = {"admin", {"_admin"}, "default"};
    CHECK(place.run(settings).error.empty());
    place.target = place.host.catalog().open("copy");
    REQUIRE(place.target);
    CHECK(place.same());
}

}  // namespace divan::server
