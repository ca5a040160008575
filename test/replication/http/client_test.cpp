#include "replication/http/client.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <zlib.h>

#include <atomic>

#include "test/replication/http/loop_run.h"
#include "test/replication/http/scripted_server.h"

namespace divan::replication {
namespace {

using std::chrono::milliseconds;
using Connection = ScriptedServer::Connection;

HttpPeerSettings settings_for(const ScriptedServer& server) {
    HttpPeerSettings settings;
    settings.url = server.url();
    settings.silence_limit = std::chrono::minutes(2);
    settings.retries = 2;
    return settings;
}

Task<HttpReply> get(HttpClient& client, std::string path = "x") {
    HttpRequest request;
    request.path = std::move(path);
    auto reply = co_await client.exchange(request, 1 << 20);
    co_return reply;
}

std::string gzip(const std::string& text) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(out.size() - stream.avail_out);
    deflateEnd(&stream);
    return out;
}

/// The reply to one request to a server that plays `script`, or the error's name.
std::string outcome(ScriptedServer::Script script, unsigned retries = 0,
                    milliseconds silence = std::chrono::minutes(2)) {
    ScriptedServer server(std::move(script));
    std::string text;
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        auto settings = settings_for(server);
        settings.retries = retries;
        settings.silence_limit = silence;
        HttpClient client(settings, stage.clients);
        try {
            const auto reply = co_await get(client);
            text = fmt::format("{} {}", reply.status, reply.body);
        } catch (const PeerFailure& failure) {
            text = failure.error();
        }
    });
    return text;
}

std::string outcome_of_bytes(std::string bytes) {
    return outcome([bytes](Connection& connection) {
        connection.request();
        connection.send(bytes);
    });
}

}  // namespace

TEST_CASE("HTTP client: requests go to the database's address, connections are kept") {
    std::vector<std::string> heads;
    ScriptedServer server([&](Connection& connection) {
        for (std::string head; !(head = connection.request()).empty();) {
            heads.push_back(head);
            connection.answer("200 OK", "hello");
        }
    });
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        HttpClient client(settings_for(server), stage.clients);
        CHECK(client.name() == server.url("/db/"));
        for (int i = 0; i < 3; ++i) {
            const auto reply = co_await get(client, "a%2Fb");
            CHECK(reply.status == 200);
            CHECK(reply.body == "hello");
        }
    });
    CHECK(server.connections() == 1);
    REQUIRE(heads.size() == 3);
    CHECK(heads[0].starts_with("GET /db/a%2Fb HTTP/1.1\r\n"));
    CHECK(heads[0].find(fmt::format("Host: 127.0.0.1:{}\r\n", server.port())) != heads[0].npos);
}

TEST_CASE("HTTP client: bodies of every framing, whatever pieces they come in") {
    const std::string chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    const std::string counted = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + counted;
    const std::string until_end = "HTTP/1.0 200 OK\r\n\r\nall of it";
    const auto packed = gzip("packed text");
    const auto zipped = fmt::format(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{}", packed.size(),
        packed);
    const std::vector<std::pair<std::string, std::string>> cases = {
        {chunked, "200 abc0123456789"}, {counted, "200 hello"},     {interim, "200 hello"},
        {until_end, "200 all of it"},   {zipped, "200 packed text"},
        {"HTTP/1.1 204 No Content\r\n\r\n", "204 "},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", "200 "},
    };
    for (const auto& [bytes, expected] : cases) {
        CAPTURE(expected);
        CHECK(outcome_of_bytes(bytes) == expected);
        CHECK(outcome([&bytes = bytes](Connection& connection) {
                  connection.request();
                  for (const char byte : bytes) connection.send(std::string_view(&byte, 1));
              }) == expected);
    }
}

TEST_CASE("HTTP client: what is cut off or wrong is an error, not an answer") {
    const auto packed = gzip(std::string(1000, 'x'));
    const auto cut_gzip =
        fmt::format("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{}",
                    packed.size() - 4, packed.substr(0, packed.size() - 4));
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", "connection_closed"},
        {"HTTP/1.1 200", "connection_closed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "connection_closed"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "connection_closed"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
         "connection_closed"},
        {cut_gzip, "connection_closed"},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
         "malformed_answer"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello", "malformed_answer"},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "malformed_answer"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", "malformed_answer"},
        {"SSH-2.0-OpenSSH\r\n\r\n", "malformed_answer"},
        {"HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x'), "malformed_answer"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + std::string(2'000'000, 'x'),
         "answer_too_large"},
    };
    for (const auto& [bytes, expected] : cases) {
        CAPTURE(bytes.substr(0, 100));
        CHECK(outcome_of_bytes(bytes) == expected);
    }
}

TEST_CASE("HTTP client: a gzip that unpacks to more than is allowed is stopped on the way") {
    const auto bomb = gzip(std::string(64 << 20, '\0'));
    CHECK(outcome_of_bytes(fmt::format(
              "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{}",
              bomb.size(), bomb)) == "answer_too_large");
}

TEST_CASE("HTTP client: a silent server is given up after the limit") {
    CHECK(outcome([](Connection& connection) {
              connection.request();
              connection.request();  // until the client hangs up
          },
          0, milliseconds(50)) == "timeout");
}

TEST_CASE("HTTP client: a request has its time in all, a feed has not") {
    ScriptedServer server([](Connection& connection) {
        connection.request();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n");
        for (int i = 0; i < 40; ++i) {
            connection.send("x");
            std::this_thread::sleep_for(milliseconds(10));
        }
    });
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        auto settings = settings_for(server);
        settings.retries = 0;
        settings.request_limit = milliseconds(100);
        HttpClient client(settings, stage.clients);
        const auto failure = co_await failure_of(get(client));
        CHECK(failure == "timeout");
        HttpRequest feed;
        feed.feed = true;
        const auto reply = co_await client.exchange(feed, 100);
        CHECK(reply.body.size() == 40);
    });
}

TEST_CASE("HTTP client: tries again after what may pass, and not after what will not") {
    std::atomic<int> count = 0;
    const auto failing = [&count](std::string status) {
        return [&count, status](Connection& connection) {
            while (!connection.request().empty()) {
                const bool fails = count++ < 2;
                connection.answer(fails ? status : "200 OK", fails ? "{}" : "good");
            }
        };
    };
    for (const char* status : {"500 Oh", "503 Later", "408 Slow", "429 Too Many"}) {
        count = 0;
        CAPTURE(status);
        CHECK(outcome(failing(status), 2) == "200 good");
        CHECK(count == 3);
    }
    for (const char* status : {"400 Bad", "404 Not Found", "409 Conflict", "501 No"}) {
        count = 0;
        CHECK(outcome(failing(status), 2) == std::string(status).substr(0, 3) + " {}");
        CHECK(count == 1);
    }
    count = 0;
    CHECK(outcome(failing("500 Oh"), 1) == "http_error");
    CHECK(count == 2);
}

TEST_CASE("HTTP client: a broken connection is made anew") {
    CHECK(outcome([](Connection& connection) {
              connection.request();
              if (connection.number() == 0) return connection.reset();
              if (connection.number() == 1) {
                  return connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
              }
              connection.answer("200 OK", "whole");
          },
          3) == "200 whole");
}

TEST_CASE("HTTP client: a kept connection that the server closed costs no try") {
    ScriptedServer server([](Connection& connection) {
        connection.request();
        connection.answer("200 OK", "one");  // and closes, without having said so
    });
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        auto settings = settings_for(server);
        settings.retries = 0;
        HttpClient client(settings, stage.clients);
        for (int i = 0; i < 20; ++i) {
            const auto reply = co_await get(client);
            CHECK(reply.body == "one");
        }
    });
}

TEST_CASE("HTTP client: redirects are followed, and credentials stay with their server") {
    std::string seen;
    ScriptedServer other([&](Connection& connection) {
        seen = connection.request();
        connection.answer("200 OK", "there");
    });
    ScriptedServer server([&](Connection& connection) {
        for (std::string head; !(head = connection.request()).empty();) {
            if (head.starts_with("POST /_session")) {
                connection.answer("404 Not Found", "{}");
            } else if (head.starts_with("GET /db/x ")) {
                connection.answer("301 Moved", "", "Location: /db/y\r\n");
            } else if (head.starts_with("GET /db/y ")) {
                CHECK(head.find("Authorization: Basic dTpwOnc=\r\n") != head.npos);
                connection.answer("302 Found", "",
                                  fmt::format("Location: {}\r\n", other.url("/z?a=b")));
            } else {
                connection.answer("302 Found", "", "Location: /db/loop\r\n");
            }
        }
    });
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        auto settings = settings_for(server);
        settings.url = fmt::format("http://u:p%3Aw@127.0.0.1:{}/db", server.port());
        HttpClient client(settings, stage.clients);
        CHECK(client.name() == server.url("/db/"));
        const auto reply = co_await get(client);
        CHECK(reply.body == "there");
        const auto endless = co_await failure_of(get(client, "loop"));
        CHECK(endless == "redirects");
    });
    CHECK(seen.starts_with("GET /z?a=b HTTP/1.1\r\n"));
    CHECK(seen.find("Authorization") == seen.npos);
}

TEST_CASE("HTTP client: uploads are counted or chunked, and stop where nobody wants them") {
    struct Pieces : BodySource {
        int left = 100;
        Task<bool> read(std::string& out) override {
            out.append(64 * 1024, 'u');
            co_return --left > 0;
        }
    };
    std::atomic<std::size_t> received = 0;
    ScriptedServer server([&](Connection& connection) {
        for (std::string head; !(head = connection.head()).empty();) {
            if (head.find("/early ") != head.npos) {
                connection.answer("413 Too Large", "no", "Connection: close\r\n");
                received = connection.bytes(1 << 30).size();
                return;
            }
            if (head.find("chunked") != head.npos) {
                std::size_t sum = 0;
                while (true) {
                    std::string line;
                    while (!line.ends_with("\r\n")) line += connection.bytes(1);
                    const auto size = std::stoul(line, nullptr, 16);
                    connection.bytes(size + 2);
                    sum += size;
                    if (size == 0) break;
                }
                connection.answer("201 Created", std::to_string(sum));
                continue;
            }
            const auto size = std::stoul(head.substr(head.find("Content-Length: ") + 16));
            connection.answer("201 Created", std::to_string(connection.bytes(size).size()));
        }
    });
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        HttpClient client(settings_for(server), stage.clients);
        HttpRequest request;
        request.method = "PUT";
        request.path = "counted";
        Pieces counted;
        request.source = &counted;
        request.source_bytes = 100 * 64 * 1024;
        const auto one = co_await client.exchange(request, 1000);
        CHECK(one.body == std::to_string(100 * 64 * 1024));
        Pieces chunked;
        request.source = &chunked;
        request.source_bytes.reset();
        const auto two = co_await client.exchange(request, 1000);
        CHECK(two.body == std::to_string(100 * 64 * 1024));
        Pieces short_one;
        request.source = &short_one;
        request.source_bytes = 1'000'000'000;
        const auto three = co_await failure_of(client.exchange(request, 1000));
        CHECK(three == "malformed_answer");
        Pieces unwanted;
        unwanted.left = 16'000;
        request.path = "early";
        request.source = &unwanted;
        request.source_bytes = std::uint64_t{16'000} * 64 * 1024;
        const auto four = co_await client.exchange(request, 1000);
        CHECK(four.status == 413);
        CHECK(unwanted.left > 15'000);
    });
}

TEST_CASE("HTTP client: what is cancelled ends, wherever it waits, and stays so") {
    ScriptedServer server([](Connection& connection) {
        connection.request();
        connection.request();
    });
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        HttpClient client(settings_for(server), stage.clients);
        stage.loop.after(milliseconds(30), [&] { client.cancellation().request(); });
        const auto first = co_await failure_of(get(client));
        CHECK(first == "cancelled");
        const auto second = co_await failure_of(get(client));
        CHECK(second == "cancelled");
    });
}

TEST_CASE("HTTP client: headers that would become others are refused, ours cannot be replaced") {
    std::string seen;
    ScriptedServer server([&](Connection& connection) {
        seen = connection.request();
        connection.answer("200 OK", "");
    });
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        auto settings = settings_for(server);
        settings.headers = {{"X-Good", "1"}, {"Content-Length", "7"}, {"Transfer-Encoding", "x"},
                            {"Authorization", "Bearer t"}};
        HttpClient client(settings, stage.clients);
        co_await get(client);
        settings.headers = {{"X", "a\r\nY: b"}};
        CHECK_THROWS_AS(HttpClient(settings, stage.clients), PeerFailure);
        settings.headers = {{"X: y", "b"}};
        CHECK_THROWS_AS(HttpClient(settings, stage.clients), PeerFailure);
        settings.headers.clear();
        settings.url = "ftp://127.0.0.1/db";
        CHECK_THROWS_AS(HttpClient(settings, stage.clients), PeerFailure);
    });
    CHECK(seen.find("X-Good: 1\r\n") != seen.npos);
    CHECK(seen.find("Authorization: Bearer t\r\n") != seen.npos);
    CHECK(seen.find("Content-Length") == seen.npos);
    CHECK(seen.find("Transfer-Encoding") == seen.npos);
}

TEST_CASE("HTTP client: what it does is counted") {
    std::atomic<int> count = 0;
    ScriptedServer server([&](Connection& connection) {
        while (!connection.request().empty()) {
            switch (count++) {
                case 0: connection.answer("500 Oh", "{}"); break;
                case 1: connection.answer("429 Slow", "{}"); break;
                case 4: return connection.reset();
                default: connection.answer("404 Not Found", "{}");
            }
        }
    });
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        const auto& metrics = stage.metrics;
        {
            auto settings = settings_for(server);
            settings.retries = 1;
            HttpClient client(settings, stage.clients);
            co_await get(client);
            HttpRequest feed;
            feed.feed = true;
            co_await client.exchange(feed, 100);
            // What was not read to its end is not kept: the answers of 500 and 429.
            CHECK(metrics.requests.load() == 4);
            CHECK(metrics.responses_failed.load() == 1);
            CHECK(metrics.responses_good.load() == 1);
            CHECK(metrics.retries.load() == 1);
            CHECK(metrics.throttled.load() == 1);
            CHECK(metrics.feeds_good.load() == 1);
            CHECK(metrics.connections_created.load() == 3);
            CHECK(metrics.connections_reused.load() == 1);
            CHECK(metrics.connections_released.load() == 2);
            CHECK(metrics.connections_open.load() == 1);
            // The server ends what was kept: asked once more, on another connection.
            co_await get(client);
            CHECK(metrics.connections_created.load() == 4);
            CHECK(metrics.connections_closed.load() == 3);
            CHECK(metrics.connections_open.load() == 1);
            CHECK(metrics.retries.load() == 1);
        }
        auto closed = settings_for(server);
        closed.url = "http://127.0.0.1:1/db";
        closed.retries = 0;
        HttpClient nobody(closed, stage.clients);
        const auto failure = co_await failure_of(get(nobody));
        CHECK(failure == "connection_failed");
        CHECK(metrics.responses_failed.load() == 2);
        CHECK(metrics.connections_created.load() == 4);
    });
}

TEST_CASE("HTTP client: no more connections at once than a peer may have") {
    std::atomic<int> open = 0;
    std::atomic<int> most = 0;
    ScriptedServer server([&](Connection& connection) {
        while (!connection.request().empty()) {
            most = std::max<int>(most, ++open);
            std::this_thread::sleep_for(milliseconds(5));
            --open;
            connection.answer("200 OK", "x");
        }
    });
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        auto settings = settings_for(server);
        settings.connections = 3;
        HttpClient client(settings, stage.clients);
        int left = 30;
        Signal done;
        const auto one = [](HttpClient& asked, int& count, Signal& bell) -> Task<void> {
            const auto reply = co_await get(asked);
            CHECK(reply.status == 200);
            if (--count == 0) bell.ring();
        };
        for (int i = 0; i < 30; ++i) spawn(one(client, left, done));
        co_await done.wait(std::chrono::minutes(5));
        CHECK(left == 0);
    });
    CHECK(most <= 3);
    CHECK(server.connections() <= 3);
}

}  // namespace divan::replication
