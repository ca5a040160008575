#include <doctest/doctest.h>
#include <fmt/format.h>

#include "storage/base/digest.h"
#include "test/replication/http/peer_stage.h"

namespace divan::replication {
namespace {

using test::TestServer;

void put_many(TestServer& server, int count) {
    std::string body = "{\"docs\":[";
    for (int i = 0; i < count; ++i) {
        body += fmt::format("{}{{\"_id\":\"doc {:05}\",\"n\":{},\"text\":\"\\u00e4 \\\"{{[\"}}",
                            i == 0 ? "" : ",", i, i);
    }
    REQUIRE(server.post("/db/_bulk_docs", body + "]}").status == 201);
}

void put_conflict(TestServer& server) {
    const auto reply = server.post("/db/_bulk_docs", R"({"new_edits":false,"docs":[
        {"_id":"torn","_rev":"2-aaa","_revisions":{"start":2,"ids":["aaa","root"]},"x":1},
        {"_id":"torn","_rev":"2-bbb","_revisions":{"start":2,"ids":["bbb","root"]},"x":2},
        {"_id":"torn","_rev":"3-ccc","_revisions":{"start":3,"ids":["ccc","zzz","root"]},
         "_deleted":true},
        {"_id":"gone","_rev":"2-d","_revisions":{"start":2,"ids":["d","c"]},"_deleted":true}]})");
    REQUIRE(reply.status == 201);
}

std::string noise(std::size_t bytes) {
    std::string text(bytes, ' ');
    std::uint32_t state = 1;
    for (auto& c : text) c = static_cast<char>((state = state * 1'664'525 + 1'013'904'223) >> 24);
    return text;
}

void put_attachments(TestServer& server) {
    const auto large = noise(3 << 20);
    const auto revision = [&server](const test::Reply& reply) {
        REQUIRE(reply.status == 201);
        const auto at = reply.body.find("\"rev\":\"") + 7;
        return reply.body.substr(at, reply.body.find('"', at) - at);
    };
    auto rev = revision(server.request("PUT", "/db/large/noise%20%C3%A4.bin", large,
                                       {{"Content-Type", "application/octet-stream"}}));
    // gzipped where it is stored
    rev = revision(server.request("PUT", "/db/large/text.txt?rev=" + rev, std::string(50'000, 't'),
                                  {{"Content-Type", "text/plain"}}));
    rev = revision(server.request("PUT", "/db/large/empty?rev=" + rev, "",
                                  {{"Content-Type", "x/y"}, {"Content-Length", "0"}}));
    REQUIRE(server.put("/db/_design%2Fapp",
                       R"({"views":{},"_attachments":{"a":{"content_type":"text/html",
                           "data":"PGI+"}}})").status == 201);
}

}  // namespace

TEST_CASE("HTTP peer: database information, creation, and what has no database") {
    TestServer server;
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        const auto peer = make_http_peer(peer_at(server, "made"), stage.clients);
        CHECK(peer->name() == fmt::format("http://127.0.0.1:{}/made/", server.port()));
        const auto before = co_await failure_of(peer->info());
        CHECK(before == "not_found");
        std::vector<std::pair<std::string, std::string>> parameters = {{"q", "2"}};
        co_await peer->create(parameters);
        co_await peer->create(parameters);  // somebody was faster
        const auto info = co_await peer->info();
        CHECK(info.update_sequence.size() > 2);
        const auto durable = co_await peer->ensure_durable();
        CHECK(durable == info.instance_start_time);
        auto settings = peer_at(server, "made");
        settings.credentials = HttpCredentials{"admin", "wrong"};
        const auto stranger = make_http_peer(settings, stage.clients);
        const auto refused = co_await failure_of(stranger->info());
        CHECK(refused == "unauthorized");
    });
}

TEST_CASE("HTTP peer: local documents") {
    TestServer server;
    server.create_database("db");
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        const auto peer = make_http_peer(peer_at(server, "db"), stage.clients);
        const auto none = co_await peer->local_document("a/b+c");
        CHECK_FALSE(none.has_value());
        const auto first = co_await peer->put_local_document("a/b+c", R"({"x":1})", "");
        const auto second = co_await peer->put_local_document("a/b+c", "{}", first);
        CHECK(second == "0-2");
        const auto text = co_await peer->local_document("a/b+c");
        CHECK(text.value_or("") == "{\"_id\":\"_local/a/b+c\",\"_rev\":\"0-2\"}\n");
    });
}

TEST_CASE("HTTP peer: conflicts, deletions, designs and attachments arrive as they are") {
    TestServer server;
    server.create_database("db");
    server.create_database("copy");
    put_many(server, 1200);
    put_conflict(server);
    put_attachments(server);
    for (const bool bulk : {true, false}) {
        CAPTURE(bulk);
        TestServer target;
        target.create_database("copy");
        run_on_loop([&](LoopStage& stage) -> Task<void> {
            auto settings = peer_at(server, "db");
            settings.use_bulk_get = bulk;
            const auto from = make_http_peer(settings, stage.clients);
            const auto to = make_http_peer(peer_at(target, "copy"), stage.clients);
            const ChangesQuery query;
            const auto count = co_await copy_all(*from, *to, query);
            // The design document's attachment is small: it comes in bulk, the large one alone.
            CHECK(count == (bulk ? 1205 : 1204));
            const auto counts = from->bulk_get_counts();
            CHECK(counts.documents == (bulk ? 1205 : 0));
            const auto again = co_await copy_all(*from, *to, query);
            CHECK(again == 0);
        });
        const bool same = all_leaves(server, "db") == all_leaves(target, "copy");
        CHECK(same);
    }
}

TEST_CASE("HTTP peer: what the target has of the attachments does not come again") {
    TestServer server;
    server.create_database("db");
    put_attachments(server);
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        const auto peer = make_http_peer(peer_at(server, "db"), stage.clients);
        const ChangesQuery query;
        const auto feed = co_await peer->changes(query);
        const auto batch = co_await feed->next(100);
        CHECK(batch.ended);
        REQUIRE(batch.rows.size() == 2);
        const auto leaf = batch.rows[0].leaves[0];
        KeepingSink all;
        std::vector<DocumentRevisions> wanted = {{"large", {leaf}, {}}};
        co_await peer->fetch(wanted, all);
        REQUIRE(all.kept.size() == 1);
        CHECK(all.kept[0].attachments.size() == 3);
        CHECK(all.kept[0].attachments[1].size() < 1000);  // as it is stored
        KeepingSink rest;
        wanted[0].possible_ancestors = {leaf};
        wanted[0].possible_ancestors[0].generation = 2;  // text.txt and what was before
        co_await peer->fetch(wanted, rest);
        REQUIRE(rest.kept.size() == 1);
        CHECK(rest.kept[0].attachments.size() <= 3);
    });
}

TEST_CASE("HTTP peer: revisions that are not there are told as absent") {
    TestServer server;
    server.create_database("db");
    put_many(server, 1);
    for (const bool bulk : {true, false}) {
        run_on_loop([&](LoopStage& stage) -> Task<void> {
            auto settings = peer_at(server, "db");
            settings.use_bulk_get = bulk;
            const auto peer = make_http_peer(settings, stage.clients);
            KeepingSink sink;
            const auto revision = storage::parse_revision("7-abc").value();
            std::vector<DocumentRevisions> wanted = {{"doc 00000", {revision}, {}},
                                                     {"never", {revision}, {}}};
            co_await peer->fetch(std::move(wanted), sink);
            CHECK(sink.kept.empty());
            CHECK(sink.absentees.size() == 2);
        });
    }
}

TEST_CASE("HTTP peer: changes by ids, by selector, by winners, and in pages of any size") {
    TestServer server;
    server.create_database("db");
    put_many(server, 50);
    put_conflict(server);
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        const auto peer = make_http_peer(peer_at(server, "db"), stage.clients);
        ChangesQuery by_id;
        by_id.doc_ids = {"doc 00003", "torn"};
        const auto ids = co_await peer->changes(by_id);
        const auto two = co_await ids->next(100);
        REQUIRE(two.rows.size() == 2);
        CHECK(two.rows[1].leaves.size() == 3);
        ChangesQuery by_no_id;
        by_no_id.filter = "_doc_ids";
        const auto no_ids = co_await peer->changes(by_no_id);
        const auto nothing = co_await no_ids->next(100);
        CHECK(nothing.rows.empty());
        ChangesQuery by_selector;
        by_selector.selector = R"({"n":{"$lt":5}})";
        const auto selected = co_await peer->changes(by_selector);
        const auto five = co_await selected->next(100);
        CHECK(five.rows.size() == 5);
        ChangesQuery winners;
        winners.winning_revisions_only = true;
        const auto feed = co_await peer->changes(winners);
        std::size_t rows = 0;
        std::string last;
        for (bool ended = false; !ended;) {
            const auto batch = co_await feed->next(7);
            ended = batch.ended;
            if (!ended) CHECK(batch.rows.size() == 7);
            for (const auto& row : batch.rows) CHECK(row.leaves.size() == 1);
            rows += batch.rows.size();
            last = batch.last_sequence;
        }
        CHECK(rows == 52);
        ChangesQuery after;
        after.since = last;
        const auto rest = co_await peer->changes(after);
        const auto none = co_await rest->next(10);
        CHECK(none.ended);
        CHECK(none.rows.empty());
        CHECK(none.pending.value_or(7) == 0);
    });
}

TEST_CASE("HTTP peer: a continuous feed waits for changes, survives a restart, and is cancelled") {
    TestServer server;
    server.create_database("db");
    put_many(server, 5);
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        auto settings = peer_at(server, "db");
        settings.retries = 5;
        const auto peer = make_http_peer(settings, stage.clients);
        ChangesQuery query;
        query.continuous = true;
        const auto feed = co_await peer->changes(query);
        std::size_t rows = 0;
        while (rows < 5) {
            const auto batch = co_await feed->next(100);
            rows += batch.rows.size();
        }
        CHECK(rows == 5);
        stage.loop.after(std::chrono::milliseconds(50), [&] { server.put("/db/new", "{}"); });
        auto next = co_await feed->next(100);
        while (next.rows.empty()) next = co_await feed->next(100);
        REQUIRE(next.rows.size() == 1);
        CHECK(next.rows[0].id == "new");
        CHECK_FALSE(next.ended);
        stage.loop.after(std::chrono::milliseconds(50), [&] { feed->cancel(); });
        const auto ended = co_await failure_of(feed->next(100));
        CHECK(ended == "cancelled");
        const auto info = co_await peer->info();  // the peer goes on
        CHECK(info.update_sequence.size() > 0);
        query.since = next.last_sequence;
        const auto other = co_await peer->changes(query);
        stage.loop.after(std::chrono::milliseconds(50), [&] { peer->cancel(); });
        std::string all_ended;  // the first time it tells how many changes are pending
        for (int i = 0; i < 2 && all_ended.empty(); ++i) {
            all_ended = co_await failure_of(other->next(100));
        }
        CHECK(all_ended == "cancelled");
    });
}

TEST_CASE("HTTP peer: feeds tell how many changes are still to come") {
    TestServer server;
    server.create_database("db");
    put_many(server, 5);
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        auto settings = peer_at(server, "db");
        const auto peer = make_http_peer(settings, stage.clients);
        for (const bool continuous : {true, false}) {
            CAPTURE(continuous);
            ChangesQuery query;
            query.continuous = continuous;
            const auto feed = co_await peer->changes(query);
            const std::size_t all = continuous ? 5 : 6;
            std::size_t rows = 0;
            while (rows < all) {
                const auto batch = co_await feed->next(2);
                rows += batch.rows.size();
                if (continuous || rows > 2) CHECK(batch.pending.value_or(99) == all - rows);
            }
            if (!continuous) continue;
            server.put("/db/new", "{}");
            for (rows = 0; rows == 0;) {
                const auto batch = co_await feed->next(100);
                rows = batch.rows.size();
                CHECK(batch.pending.value_or(99) == 0);
            }
        }
    });
}

TEST_CASE("HTTP peer: what the target refuses is told for each document") {
    TestServer server;
    server.create_database("db");
    REQUIRE(server.put("/db/_design/v", R"({"validate_doc_update":
        "function(d){if(d.bad)throw({forbidden:'no bad ones'})}"})").status == 201);
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        const auto peer = make_http_peer(peer_at(server, "db"), stage.clients);
        std::vector<TravellingDocument> documents;
        for (const char* text : {R"({"_id":"a","_rev":"1-a","x":1})",
                                 R"({"_id":"b","_rev":"1-b","bad":true})",
                                 R"({"_id":"c","_rev":"1-c","x":3})"}) {
            TravellingDocument document;
            document.json = text;
            document.id = document.json.substr(8, 1);
            document.revision = storage::parse_revision("1-" + document.id).value();
            documents.push_back(std::move(document));
        }
        const auto outcomes = co_await peer->store(std::move(documents));
        REQUIRE(outcomes.size() == 3);
        CHECK(outcomes[0].stored);
        CHECK_FALSE(outcomes[1].stored);
        CHECK(outcomes[1].error == "forbidden");
        CHECK(outcomes[1].reason == "no bad ones");
        CHECK(outcomes[2].stored);
    });
    CHECK(server.get("/db/c").status == 200);
}

}  // namespace divan::replication
