#include "server/replication/local_peer.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "replication/job.h"
#include "server/handlers/bulk/bulk.h"
#include "storage/base/json.h"
#include "storage/base/log.h"
#include "storage/database/read_view.h"
#include "test/replication/http/keeping_sink.h"
#include "test/server/handlers/handler_host.h"
#include "test/support/compare_databases.h"

namespace divan::server {
namespace {

using namespace replication;

/// On the loop of the caller: `act`, once `it_is_so`.
void when(std::function<bool()> it_is_so, std::function<void()> act) {
    EventLoop::current()->after(std::chrono::milliseconds(2), [it_is_so, act] {
        if (it_is_so()) return act();
        when(it_is_so, act);
    });
}

/// A server with databases "db" and "copy", between which jobs run.
struct Place {
    HandlerHost host;
    std::shared_ptr<storage::Database> source = host.database().shared_from_this();
    std::shared_ptr<storage::Database> target = host.catalog().create("copy").value();
    Clock clock;
    Identity who{"admin", {"_admin"}, "proxy"};

    Place() { set_log_level(LogLevel::none); }

    /// Writes without a handler, so also while a job runs.
    static void write(storage::Database& database, const std::string& id, std::string_view body) {
        auto document = storage::parse_client_document(body).value();
        document.id = id;
        if (const auto found = storage::read_winner(database, id)) {
            document.revision = found->head.winner;
        }
        std::vector<storage::Edit> edits;
        edits.push_back(storage::make_edit(std::move(document), true).value());
        database.writer().write(std::move(edits)).value()[0].value();
    }
    /// A user document, as it is stored.
    void user(std::string_view name, std::string_view roles, std::string_view salt = "00") {
        const auto users = host.catalog().open("_users");
        write(*users, "org.couchdb.user:" + std::string(name),
              fmt::format(
                  R"({{"name":"{}","type":"user","roles":{},"password_scheme":"pbkdf2",)"
                  R"("iterations":10,"derived_key":"00112233445566778899aabbccddeeff00112233",)"
                  R"("salt":"{}"}})",
                  name, roles, salt));
    }

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
                    std::move(settings), clock, host.services().metrics.replication);
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

    Task<void> do_fetch(IoLoop& loop, std::vector<DocumentRevisions> wanted, DocumentSink& sink) {
        const auto peer = make_local_peer(host.services(), "db", "http://here/db/", who);
        co_await peer->fetch(std::move(wanted), sink);
        loop.stop();
    }
    void fetch(std::vector<DocumentRevisions> wanted, DocumentSink& sink) {
        auto& loop = host.make_loop();
        loop.post([&] { spawn(do_fetch(loop, std::move(wanted), sink)); });
        loop.run();
    }

    Ended run(JobSettings settings, std::function<void(Job&)> act = {}) {
        auto& loop = host.make_loop();
        Ended ended;
        loop.post([&] { spawn(drive(loop, std::move(settings), ended, std::move(act))); });
        loop.run();
        return ended;
    }

    /// Whether a continuous job waits for changes.
    bool waits() const { return source->bell().listeners() > 0; }
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

TEST_CASE("local peers: what is known already does not travel") {
    Place place;
    place.put(varied);
    const std::string large(300'000, 'A');
    place.put(R"({"_id":"large","_rev":"1-a","_attachments":{"same":{"content_type":"image/png",)"
              R"("revpos":1,"data":")" + large +
              R"("},"other":{"content_type":"image/png","revpos":1,"data":"AAAA"}}})");
    place.put(R"({"_id":"large","_revisions":{"start":2,"ids":["b","a"]},"_attachments":{
        "same":{"stub":true,"content_type":"image/png","revpos":1},
        "other":{"content_type":"image/png","data":"AAAAAAAA","revpos":2}}})");
    struct Row {
        std::vector<std::string> known;
        std::vector<std::uint64_t> sent;
        bool stub;          ///< Of "same".
        std::string other;  ///< What is said of "other".
    };
    const std::vector<Row> rows = {{{}, {225'000, 6}, false, "follows"},
                                   {{"1-a"}, {}, true, "data"},
                                   {{"1-unknown"}, {225'000, 6}, false, "follows"},
                                   {{"2-b"}, {}, true, "stub"}};
    for (const auto& row : rows) {
        CAPTURE(row.known.size());
        std::vector<storage::Revision> ancestors;
        for (const auto& rev : row.known) ancestors.push_back(storage::parse_revision(rev).value());
        KeepingSink sink;
        place.fetch({{"large", {storage::parse_revision("2-b").value()}, ancestors}}, sink);
        const auto* got = sink.find("large", "2-b");
        REQUIRE(got);
        CHECK(got->document.attachment_bytes == row.sent);
        const auto files = parse_json(got->document.json).value();
        const auto* same = files.find("_attachments")->find("same");
        CHECK((same->find("stub") != nullptr) == row.stub);
        CHECK((same->find("follows") != nullptr) == !row.stub);
        CHECK(same->find("length")->integer() == 225'000);
        CHECK(files.find("_attachments")->find("other")->find(row.other) != nullptr);
        CHECK_FALSE(got->document.whole);
    }
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
        when([&] { return place.waits() && place.same(); }, [&] {
            std::string json = R"({"_id":"late","_rev":"1-x"})";
            auto document = storage::parse_client_document(json).value();
            std::vector<storage::Edit> edits;
            edits.push_back(storage::make_edit(std::move(document), false).value());
            if (place.source->writer().submit(std::move(edits), [](storage::EditOutcomes) {})) {
                place.source->writer().drain();
            }
            when([&] { return place.target->view()->head("late").has_value(); },
                 [&] { job.stop(); });
        });
    });
    CHECK(ended.error.empty());
    CHECK(place.same());
    CHECK(place.target->view()->head("late").has_value());

    const auto deleted = place.run(settings, [&](Job&) {
        when([&] { return place.waits(); }, [&] { place.host.catalog().erase("db"); });
    });
    CHECK(deleted.error == "not_found: Database does not exist.");
}

TEST_CASE("local peers: who may not, is refused") {
    Place place;
    place.put(documents(3));
    place.who = {"nobody", {}, "proxy"};
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

TEST_CASE("local peers: a user has the roles of now, and must still be there") {
    Place place;
    place.host.catalog().create("_users").value();
    place.user("ann", R"(["readers"])");
    place.who = {"ann", {"readers"}, "default"};
    place.source->set_security(R"({"members":{"roles":["readers"]}})");
    place.target->set_security("{}");
    place.put(documents(3));
    CHECK(place.run(place.settings()).error.empty());

    auto settings = place.settings();
    settings.changes.continuous = true;
    // While it runs: what came until then is there, the rest is not.
    const auto later = [&](std::string roles, std::string salt, std::string doc) {
        return [&place, roles, salt, doc](Job&) {
            when([&place] { return place.waits(); }, [&place, roles, salt, doc] {
                place.user("ann", roles, salt);
                place.write(*place.source, doc, "{}");
            });
        };
    };
    CHECK(place.run(settings, later(R"(["others"])", "00", "a")).error.starts_with("forbidden"));
    CHECK_FALSE(place.target->view()->head("a").has_value());
    CHECK(place.run(place.settings()).error == "forbidden: http://here/db/");
    place.user("ann", R"(["others","readers"])");
    CHECK(place.run(place.settings()).error.empty());
    CHECK(place.target->view()->head("a").has_value());
    CHECK(place.run(settings, later(R"(["readers"])", "11", "b")).error ==
          "unauthorized: Name or password is incorrect.");
    CHECK_FALSE(place.target->view()->head("b").has_value());

    place.who.name = "gone";
    CHECK(place.run(place.settings()).error ==
          "unauthorized: unauthorized to access or create database http://here/db/");
    place.who = {"ann", {"readers"}, "proxy"};  // Whoever vouched for these roles.
    CHECK(place.run(place.settings()).error.empty());
}

TEST_CASE("local peers: a target is made for admins alone") {
    Place place;
    place.put(documents(3));
    auto settings = place.settings();
    settings.create_target = true;
    place.host.catalog().erase("copy");
    CHECK(place.run(place.settings()).error == "db_not_found: could not open http://here/copy/");
    place.who = {"nobody", {}, "proxy"};
    place.source->set_security("{}");
    CHECK(place.run(settings).error ==
          "unauthorized: unauthorized to access or create database http://here/copy/");
    place.who = {"admin", {"_admin"}, "proxy"};
    CHECK(place.run(settings).error.empty());
    place.target = place.host.catalog().open("copy");
    REQUIRE(place.target);
    CHECK(place.same());
}

}  // namespace divan::server
