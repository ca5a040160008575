#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <functional>
#include <string>

#include "replication/http_peer.h"
#include "test/replication/http/keeping_sink.h"
#include "test/replication/http/loop_run.h"
#include "test/replication/http/scripted_server.h"

// Peers of other makes, old ones and bad ones: what they answer is written out here.

namespace divan::replication {
namespace {

using Connection = ScriptedServer::Connection;
using Answers = std::function<void(const std::string& head, Connection& connection)>;

struct Foreign {
    ScriptedServer server;
    std::string seen;  ///< First lines of what was asked.

    explicit Foreign(Answers answers)
        : server([this, answers](Connection& connection) {
              for (std::string head; !(head = connection.request()).empty();) {
                  seen += head.substr(0, head.find(" HTTP/1.1")) + "\n";
                  answers(head, connection);
              }
          }) {}

    HttpPeerSettings settings() const {
        HttpPeerSettings settings;
        settings.url = server.url();
        settings.silence_limit = std::chrono::minutes(2);
        settings.retries = 1;
        settings.connections = 1;
        return settings;
    }
};

storage::Revision revision(std::string_view text) {
    return storage::parse_revision(text).value();
}

/// What comes of asking for revision 1-a of "doc", and the error's name.
std::string fetch_from(Foreign& foreign, KeepingSink& sink) {
    std::string error;
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        const auto peer = make_http_peer(foreign.settings(), stage.clients);
        std::vector<DocumentRevisions> wanted = {{"doc", {revision("1-a")}, {}}};
        error = co_await failure_of(peer->fetch(std::move(wanted), sink));
    });
    return error;
}

const std::string with_attachment =
    R"({"_id":"doc","_rev":"1-a","_revisions":{"start":1,"ids":["a"]},"_attachments":{)"
    R"("x y":{"content_type":"text/plain","digest":"md5-AA==","length":5,"stub":true}}})";

std::string related(std::string_view bytes) {
    std::string text = with_attachment;
    text.replace(text.find("\"stub\""), 6, "\"follows\"");
    return fmt::format("--outer\r\nContent-Type: multipart/related; boundary=\"inner\"\r\n\r\n"
                       "--inner\r\nContent-Type: application/json\r\n\r\n{}\r\n--inner\r\n\r\n{}"
                       "\r\n--inner--\r\n--outer--",
                       text, bytes);
}

constexpr std::string_view mixed = "Content-Type: multipart/mixed; boundary=outer\r\n";

}  // namespace

TEST_CASE("Foreign peers: without _bulk_get, asked once, revisions come as multipart") {
    for (const char* status : {"404 Not Found", "405 Method Not Allowed", "415 Unsupported",
                               "400 Bad Request", "501 Not Implemented"}) {
        Foreign foreign([&](const std::string& head, Connection& connection) {
            if (head.starts_with("POST")) return connection.answer(status, "<html>no</html>");
            connection.answer("200 OK",
                              "--outer\r\nContent-Type: application/json\r\n\r\n"
                              "{\"_id\":\"doc\",\"_rev\":\"1-a\"}\r\n"
                              "--outer\r\nContent-Type: application/json; error=\"true\"\r\n\r\n"
                              "{\"missing\":\"2-b\"}\r\n--outer--",
                              mixed);
        });
        KeepingSink sink;
        run_on_loop([&](LoopStage& stage) -> Task<void> {
            const auto peer = make_http_peer(foreign.settings(), stage.clients);
            for (int i = 0; i < 2; ++i) {
                std::vector<DocumentRevisions> wanted = {
                    {"doc", {revision("1-a"), revision("2-b")}, {revision("1-z")}}};
                co_await peer->fetch(std::move(wanted), sink);
            }
        });
        CHECK(sink.kept.size() == 2);
        CHECK(sink.absentees ==
              std::vector<std::string>{"doc 2-b not_found", "doc 2-b not_found"});
        const std::string get = "GET /db/doc?revs=true&latest=true&open_revs="
                                "%5B%221-a%22%2C%222-b%22%5D&atts_since=%5B%221-z%22%5D\n";
        CHECK(foreign.seen ==
              "POST /db/_bulk_get?latest=true&revs=true&att_encoding_info=true\n" + get + get);
    }
}

TEST_CASE("Foreign peers: revisions as a JSON list, attachments fetched one by one (PouchDB)") {
    Foreign foreign([](const std::string& head, Connection& connection) {
        if (head.starts_with("POST")) {
            return connection.answer(
                "200 OK", "{\"results\":[{\"id\":\"doc\",\"docs\":[{\"ok\":" + with_attachment +
                              "}]}]}");
        }
        if (head.starts_with("GET /db/doc/")) return connection.answer("200 OK", "hello");
        connection.answer("200 OK", "[{\"ok\":" + with_attachment + "}]",
                          "Content-Type: application/json\r\n");
    });
    KeepingSink sink;
    CHECK(fetch_from(foreign, sink) == "");
    REQUIRE(sink.kept.size() == 1);
    CHECK(sink.kept[0].attachments == std::vector<std::string>{"hello"});
    CHECK(sink.kept[0].document.json.find("\"follows\":true") != std::string::npos);
    CHECK(foreign.seen.ends_with("GET /db/doc/x%20y?rev=1-a\n"));
}

TEST_CASE("Foreign peers: small attachments come with many documents at once, in their text") {
    const auto data = [] {
        auto text = with_attachment;
        text.replace(text.find("\"stub\":true"), 11, "\"data\":\"aGVsbG8=\"");
        return text;
    }();
    const auto packed = [](int encoded_length) {
        auto text = with_attachment;
        text.insert(text.find("\"stub\""),
                    fmt::format("\"encoding\":\"gzip\",\"encoded_length\":{},", encoded_length));
        return text;
    };
    const auto large = [] {
        auto text = with_attachment;
        return text.replace(text.find(":5,"), 3, ":70000,");
    }();
    struct Case {
        std::string first;
        std::string second;
        bool known;  ///< The target has an ancestor.
        std::string asked;
        bool keep_packed = false;
    };
    for (const auto& [first, second, known, expected, keep_packed] : std::vector<Case>{
             {with_attachment, data, false, "bulk data "},
             {packed(4), data, false, "bulk data "},
             {packed(5), data, false, "bulk single "},  // packed by a client, and stays so
             {packed(4), data, false, "bulk single ", true},
             {with_attachment, data, false, "bulk data ", true},
             {large, data, false, "bulk single "},
             {with_attachment, with_attachment, true, "bulk data "},
             {with_attachment, with_attachment, false, "bulk data single "}}) {
        std::string asked;
        Foreign foreign([&](const std::string& head, Connection& connection) {
            const bool bulk = head.starts_with("POST");
            const bool with_data = head.find("attachments=true") != head.npos;
            asked += !bulk ? "single " : with_data ? "data " : "bulk ";
            if (with_data) CHECK((head.find("[\"1-z\"]") != head.npos) == known);
            if (!bulk) return connection.answer("200 OK", related("hello"), mixed);
            connection.answer("200 OK", "{\"results\":[{\"id\":\"doc\",\"docs\":[{\"ok\":" +
                                            (with_data ? second : first) + "}]}]}");
        });
        KeepingSink sink;
        BulkGetCounts counts;
        auto settings = foreign.settings();
        settings.keep_packed = keep_packed;
        run_on_loop([&](LoopStage& stage) -> Task<void> {
            const auto peer = make_http_peer(settings, stage.clients);
            std::vector<DocumentRevisions> wanted = {{"doc", {revision("1-a")}, {}}};
            if (known) wanted[0].possible_ancestors = {revision("1-z")};
            co_await peer->fetch(std::move(wanted), sink);
            counts = peer->bulk_get_counts();
        });
        CAPTURE(expected);
        CHECK(asked == expected);
        REQUIRE(sink.kept.size() == 1);
        CHECK(sink.kept[0].document.whole == (expected == "bulk data " && !known));
        CHECK(counts.attempts == 1);
        CHECK(counts.documents == (expected == "bulk data " ? 1 : 0));
    }
}

TEST_CASE("Foreign peers: newer revisions instead of those asked for, and answers by document") {
    Foreign foreign([](const std::string&, Connection& connection) {
        connection.answer("200 OK", R"({"results":[
            {"id":"one","docs":[{"ok":{"_id":"one","_rev":"9-newer"}}]},
            {"id":"two","docs":[{"ok":{"_id":"two","_rev":"1-a"}},
                                {"ok":{"_id":"two","_rev":"1-b"}}]}
            ]})");
    });
    KeepingSink sink;
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        const auto peer = make_http_peer(foreign.settings(), stage.clients);
        std::vector<DocumentRevisions> wanted = {{"one", {revision("1-a")}, {}},
                                                 {"two", {revision("1-a"), revision("1-b")}, {}}};
        co_await peer->fetch(std::move(wanted), sink);
    });
    CHECK(sink.find("one", "9-newer") != nullptr);
    CHECK(sink.find("two", "1-a") != nullptr);
    CHECK(sink.find("two", "1-b") != nullptr);
    CHECK(foreign.server.connections() == 1);
}

TEST_CASE("Foreign peers: an attachment that is cut off is fetched again, a wrong one is refused") {
    std::atomic<int> asked = 0;  // by the threads of connections
    std::string body = related("hello");
    const auto answers = [&](const std::string& head, Connection& connection) {
        if (head.starts_with("POST")) return connection.answer("404 No", "{}");
        if (asked++ == 0) {
            connection.send(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{}\r\n{}",
                                        body.size(), mixed, body.substr(0, body.size() - 40)));
            return connection.reset();
        }
        connection.answer("200 OK", body, mixed);
    };
    {
        Foreign foreign(answers);
        foreign.seen.clear();
        KeepingSink sink;
        std::string error;
        // A reset closes the connection: the next one is another.
        ScriptedServer cutting([&](Connection& connection) {
            for (std::string head; !(head = connection.request()).empty();) {
                answers(head, connection);
                if (asked == 1) return;
            }
        });
        run_on_loop([&](LoopStage& stage) -> Task<void> {
            auto settings = foreign.settings();
            settings.url = cutting.url();
            const auto peer = make_http_peer(settings, stage.clients);
            std::vector<DocumentRevisions> wanted = {{"doc", {revision("1-a")}, {}}};
            error = co_await failure_of(peer->fetch(std::move(wanted), sink));
        });
        CHECK(error == "");
        REQUIRE(sink.kept.size() == 1);
        CHECK(sink.kept[0].attachments == std::vector<std::string>{"hello"});
    }
    for (const char* bytes : {"hell", "hello!", ""}) {
        asked = 1;
        body = related(bytes);
        Foreign foreign(answers);
        KeepingSink sink;
        CHECK(fetch_from(foreign, sink) == "malformed_answer");
        CHECK(sink.kept.empty());
    }
    for (const char* broken : {"--outer\r\nContent-Type: application/json\r\n\r\n{\"_id\":\"doc\"",
                               "--outer\r\nContent-Type: application/json\r\n\r\n[]\r\n--outer--",
                               "no parts at all"}) {
        asked = 1;
        body = broken;
        Foreign foreign(answers);
        KeepingSink sink;
        CHECK(fetch_from(foreign, sink) == "malformed_answer");
    }
}

TEST_CASE("Foreign peers: answers that are about something else are refused") {
    for (const char* answer :
         {R"({"results":[{"id":"doc","docs":[{"ok":{"_id":"other","_rev":"1-a"}}]}]})",
          R"({"results":[{"id":"doc","docs":[{"ok":{"_id":"doc"}}]}]})"}) {
        Foreign foreign([&](const std::string& head, Connection& connection) {
            if (head.starts_with("POST")) return connection.answer("200 OK", answer);
            connection.answer("200 OK", "[{\"ok\":{\"_id\":\"other\",\"_rev\":\"1-a\"}}]");
        });
        KeepingSink sink;
        CHECK(fetch_from(foreign, sink) == "malformed_answer");
        CHECK(sink.kept.empty());
    }
}

TEST_CASE("Foreign peers: sequences of any form come back as they were") {
    for (const std::string sequence : {"7", "\"7-g1AAAA\"", "[7,\"x\"]"}) {
        std::string line;
        Foreign foreign([&](const std::string& head, Connection& connection) {
            line = head.substr(0, head.find("\r\n"));
            connection.answer("200 OK",
                              fmt::format("{{\"results\":[{{\"seq\":{},\"id\":\"a\",\"changes\":"
                                          "[{{\"rev\":\"1-a\"}}]}}],\"last_seq\":{}}}",
                                          sequence, sequence));
        });
        run_on_loop([&](LoopStage& stage) -> Task<void> {
            const auto peer = make_http_peer(foreign.settings(), stage.clients);
            ChangesQuery query;
            query.since = sequence;
            const auto feed = co_await peer->changes(query);
            const auto batch = co_await feed->next(10);
            REQUIRE(batch.rows.size() == 1);
            CHECK(batch.rows[0].sequence == sequence);
            CHECK(batch.last_sequence == sequence);
            CHECK_FALSE(batch.pending.has_value());
        });
        const std::string sent = sequence == "7" ? "since=7&"
                                 : sequence[0] == '"' ? "since=7-g1AAAA&"
                                                      : "since=%5B7%2C%22x%22%5D&";
        CHECK(line.find(sent) != line.npos);
    }
}

TEST_CASE("Foreign peers: a feed that is cut goes on after its last row") {
    std::atomic<int> asked = 0;  // by the threads of connections
    std::string lines;
    ScriptedServer server([&](Connection& connection) {
        for (std::string head; !(head = connection.request()).empty();) {
            if (head.find("limit=0") != head.npos) {
                connection.answer("200 OK", "{\"pending\":0}");
                continue;
            }
            lines += head.substr(head.find("since="), 8) + " ";
            CHECK(head.find("Accept-Encoding: identity\r\n") != head.npos);  // rows must not wait
            const auto row =
                fmt::format("{{\"seq\":{},\"id\":\"a{}\",\"changes\":[{{\"rev\":\"1-a\"}}]}}",
                            asked + 1, asked.load());
            ++asked;
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            connection.send(fmt::format("{:x}\r\n{}\n\r\n", row.size() + 1, row));
            if (asked == 2) return connection.send("4\r\n{\"se\r\n");
            if (asked == 3) return connection.send("0\r\n\r\n");
            if (asked < 4) return;
            connection.request();
        }
    });
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        HttpPeerSettings settings;
        settings.url = server.url();
        settings.retries = 2;
        const auto peer = make_http_peer(settings, stage.clients);
        ChangesQuery query;
        query.continuous = true;
        const auto feed = co_await peer->changes(query);
        std::string ids;
        for (int rows = 0; rows < 4;) {
            const auto batch = co_await feed->next(10);
            for (const auto& row : batch.rows) ids += row.id + " ";
            rows += static_cast<int>(batch.rows.size());
        }
        CHECK(ids == "a0 a1 a2 a3 ");
    });
    CHECK(lines == "since=0& since=1& since=2& since=3& ");
}

TEST_CASE("Foreign peers: pending changes of sequences that are numbers, and where none are told") {
    for (const bool numbers : {true, false}) {
        CAPTURE(numbers);
        Foreign foreign([&](const std::string& head, Connection& connection) {
            if (head.find("limit=0") != head.npos) {
                return connection.answer("200 OK", R"({"results":[],"last_seq":7})");
            }
            if (head.find("_changes") == head.npos) {
                return connection.answer("200 OK", numbers ? R"({"update_seq":9})" : "{}");
            }
            const std::string row = R"({"seq":7,"id":"a","changes":[{"rev":"1-a"}]})";
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            connection.send(fmt::format("{:x}\r\n{}\n\r\n", row.size() + 1, row));
            connection.request();
        });
        run_on_loop([&](LoopStage& stage) -> Task<void> {
            const auto peer = make_http_peer(foreign.settings(), stage.clients);
            ChangesQuery query;
            query.since = "6";
            query.continuous = true;
            const auto feed = co_await peer->changes(query);
            auto batch = co_await feed->next(10);
            if (numbers) {
                CHECK(batch.rows.empty());
                CHECK(batch.pending == 3);
                batch = co_await feed->next(10);
            }
            CHECK(batch.rows.size() == 1);
            CHECK(batch.pending == (numbers ? std::optional<std::uint64_t>(2) : std::nullopt));
        });
    }
}

TEST_CASE("Foreign peers: rows that are none are refused") {
    for (const char* row : {"{\"id\":\"a\",\"changes\":[]}", "{\"seq\":1,\"changes\":[]}",
                            "{\"seq\":1,\"id\":7,\"changes\":[]}", "{\"seq\":x,\"id\":\"a\"}",
                            "{\"seq\":1,\"id\":\"a\",\"changes\":[{\"rev\":\"x\"}]}",
                            "{\"seq\":1,\"id\":\"a\",\"changes\":[}"}) {
        CAPTURE(row);
        Foreign foreign([&](const std::string&, Connection& connection) {
            connection.answer("200 OK", fmt::format("{{\"results\":[{}],\"last_seq\":1}}", row));
        });
        std::string error;
        run_on_loop([&](LoopStage& stage) -> Task<void> {
            const auto peer = make_http_peer(foreign.settings(), stage.clients);
            ChangesQuery query;
            const auto feed = co_await peer->changes(query);
            error = co_await failure_of(feed->next(10));
        });
        CHECK(error == "malformed_answer");
    }
}

TEST_CASE("Foreign peers: a batch that is too large, or has one bad document, is halved") {
    std::string stored;
    Foreign foreign([&](const std::string& head, Connection& connection) {
        std::size_t count = 0;
        for (auto at = head.find("_id"); at != head.npos; at = head.find("_id", at + 1)) ++count;
        if (count > 2) return connection.answer("413 Too Large", "{}");
        if (head.find("bad") != head.npos) {
            return connection.answer("400 Bad", R"({"error":"bad_request","reason":"why"})");
        }
        stored += std::to_string(count);
        connection.answer("201 Created", "[]");
    });
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        const auto peer = make_http_peer(foreign.settings(), stage.clients);
        std::vector<TravellingDocument> documents(6);
        for (std::size_t i = 0; i < documents.size(); ++i) {
            documents[i].id = i == 3 ? "bad" : std::to_string(i);
            documents[i].revision = revision("1-a");
            documents[i].json = fmt::format("{{\"_id\":\"{}\",\"_rev\":\"1-a\"}}", documents[i].id);
        }
        const auto outcomes = co_await peer->store(std::move(documents));
        REQUIRE(outcomes.size() == 6);
        for (std::size_t i = 0; i < outcomes.size(); ++i) CHECK(outcomes[i].stored == (i != 3));
        CHECK(outcomes[3].error == "bad_request");
        CHECK(outcomes[3].reason == "why");
    });
    CHECK(stored == "122");
}

TEST_CASE("Foreign peers: no database, in whatever words") {
    for (const char* body : {"", "<html>", "{\"db_name\":\"x\"}", "[]", "{\"update_seq\":"}) {
        Foreign foreign([&](const std::string&, Connection& connection) {
            connection.answer("200 OK", body);
        });
        Foreign missing([&](const std::string&, Connection& connection) {
            connection.answer("404 Not Found", body);
        });
        run_on_loop([&](LoopStage& stage) -> Task<void> {
            for (auto* one : {&foreign, &missing}) {
                const auto peer = make_http_peer(one->settings(), stage.clients);
                PeerFailure::Kind kind = PeerFailure::Kind::rejected;
                try {
                    co_await peer->info();
                } catch (const PeerFailure& failure) {
                    kind = failure.kind();
                }
                CHECK(kind == PeerFailure::Kind::not_found);
            }
        });
    }
}

}  // namespace divan::replication
