#include <doctest/doctest.h>
#include <fmt/format.h>
#include <mutex>
#include <thread>

#include "storage/base/async/signal.h"
#include "storage/base/async/work_pool.h"
#include "test/server/http/http_fixture.h"

namespace divan::server {
namespace {

using test::HttpClient;
using std::chrono::milliseconds;

/// Gives what it was made with, one a call.
class Pieces : public ChunkSource {
public:
    explicit Pieces(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
    Task<bool> next(std::string& out) override {
        if (at_ == pieces_.size()) co_return false;
        if (pieces_[at_] == "throw") throw std::runtime_error("broken source");
        out = pieces_[at_++];
        co_return true;
    }

private:
    std::vector<std::string> pieces_;
    std::size_t at_ = 0;
};

Response streamed(std::vector<std::string> pieces, std::optional<std::uint64_t> length = {}) {
    Response response;
    response.source = std::make_unique<Pieces>(std::move(pieces));
    response.length = length;
    return response;
}

/// What a feed waits on; shared with the test's thread.
struct Bell {
    std::mutex mutex;
    std::function<void()> ring;
    std::atomic<bool> ended{false};

    void set(std::function<void()> ringer) {
        const std::lock_guard lock(mutex);
        ring = std::move(ringer);
    }
    bool strike() {
        const std::lock_guard lock(mutex);
        if (ring) ring();
        return static_cast<bool>(ring);
    }
};

/// A line for every ring, until the client is gone.
class Feed : public ChunkSource {
public:
    Feed(Bell& bell, Connection& connection) : bell_(bell), connection_(connection) {
        bell_.set(signal_.ringer());
        connection_.on_end([this] {
            over_ = true;
            signal_.ring();
        });
    }
    ~Feed() override {
        connection_.on_end({});
        bell_.ended = true;
    }
    Task<bool> next(std::string& out) override {
        const bool rung = co_await signal_.wait(std::chrono::minutes(2));
        if (over_ || !rung) co_return false;
        out = "line\n";
        co_return true;
    }

private:
    Bell& bell_;
    Connection& connection_;
    Signal signal_;
    bool over_ = false;
};

Response feed_response(Bell& bell, Request& request) {
    Response response;
    response.source = std::make_unique<Feed>(bell, *request.connection);
    return response;
}

void wait_until(const std::function<bool()>& done) {
    for (int i = 0; i < 12'000 && !done(); ++i) std::this_thread::sleep_for(milliseconds(10));
    CHECK(done());
}

}  // namespace

TEST_CASE("sources: without a length they go chunked, with one as they are") {
    HttpFixture server([](Request& request) -> Task<Response> {
        const std::string big(100'000, 'b');
        if (request.raw_path == "/length") co_return streamed({"ab", "", big}, 100'002);
        co_return streamed({"ab", "", big, "cd"});
    });
    HttpClient client(server.port());
    const auto chunked = client.request("GET", "/");
    CHECK(chunked.header("transfer-encoding") == "chunked");
    CHECK(chunked.body == "ab" + std::string(100'000, 'b') + "cd");
    const auto known = client.request("GET", "/length");
    CHECK(known.header("content-length") == "100002");
    CHECK(known.body == "ab" + std::string(100'000, 'b'));
    CHECK(client.request("HEAD", "/length").header("content-length") == "100002");
    CHECK(client.request("HEAD", "/").header("transfer-encoding") == "chunked");
}

TEST_CASE("sources: to HTTP/1.0 they go until the connection closes") {
    HttpFixture server([](Request&) -> Task<Response> { co_return streamed({"ab", "cd"}); });
    HttpClient client(server.port());
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto reply = client.receive();
    CHECK(reply.body == "abcd");
    CHECK(reply.header("transfer-encoding").empty());
}

TEST_CASE("sources: one that breaks, or is too short, ends the connection unfinished") {
    HttpFixture server([](Request& request) -> Task<Response> {
        if (request.raw_path == "/short") co_return streamed({"ab"}, 10);
        co_return streamed({"ab", "throw"});
    });
    for (const char* path : {"/short", "/throw"}) {
        CAPTURE(path);
        HttpClient client(server.port());
        CHECK_THROWS(client.request("GET", path));
    }
}

TEST_CASE("feeds: the head is sent at once, each line when it happens") {
    Bell bell;
    HttpFixture server(
        [&](Request& request) -> Task<Response> { co_return feed_response(bell, request); });
    HttpClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(client.receive_head().status == 200);
    for (int i = 0; i < 3; ++i) {
        CHECK(bell.strike());
        CHECK(client.receive_line() == "5\r\n");
        CHECK(client.receive_line() == "line\n");
        CHECK(client.receive_line() == "\r\n");
    }
}

TEST_CASE("feeds: a client that hangs up ends its feed") {
    Bell bell;
    HttpFixture server(
        [&](Request& request) -> Task<Response> { co_return feed_response(bell, request); });
    {
        HttpClient client(server.port());
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        CHECK(client.receive_head().status == 200);
    }
    wait_until([&] { return bell.ended.load(); });
    wait_until([&] { return server.metrics.open_connections == 0; });
}

TEST_CASE("feeds: a stopping server ends them cleanly") {
    Bell bell;
    HttpFixture server(
        [&](Request& request) -> Task<Response> { co_return feed_response(bell, request); });
    HttpClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(client.receive_head().status == 200);
    server.stop();
    CHECK(client.receive_line() == "0\r\n");
}

TEST_CASE("feeds: a request that is pipelined meanwhile is answered afterwards") {
    Bell bell;
    HttpFixture server([&](Request& request) -> Task<Response> {
        if (request.raw_path == "/next") co_return text_response("next");
        co_return feed_response(bell, request);
    });
    HttpClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(client.receive_head().status == 200);
    client.send("GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    std::this_thread::sleep_for(milliseconds(50));
    CHECK(bell.strike());
    CHECK(client.receive_line() == "5\r\n");
}

TEST_CASE("signals: a ring before the wait is kept, a wait without one ends in time") {
    HttpFixture server([](Request&) -> Task<Response> {
        Signal signal;
        signal.ring();
        signal.ring();
        const bool kept = co_await signal.wait(std::chrono::minutes(2));
        const bool again = co_await signal.wait(milliseconds(10));
        co_return text_response(fmt::format("{} {}", kept, again));
    });
    HttpClient client(server.port());
    CHECK(client.request("GET", "/").body == "true false");
}

TEST_CASE("signals: rings from other threads arrive") {
    const auto pool = make_work_pool(2);
    HttpFixture server([&](Request&) -> Task<Response> {
        Signal signal;
        int count = 0;
        for (int i = 0; i < 100; ++i) {
            pool->post(signal.ringer());
            const bool rung = co_await signal.wait(std::chrono::minutes(2));
            count += rung ? 1 : 0;
        }
        co_return text_response(std::to_string(count));
    });
    HttpClient client(server.port());
    CHECK(client.request("GET", "/").body == "100");
}

TEST_CASE("pools: what is posted runs there and its result comes back to the loop") {
    const auto pool = make_work_pool(2);
    HttpFixture server([&](Request&) -> Task<Response> {
        EventLoop* loop = EventLoop::current();
        const auto elsewhere = co_await run_on(*pool, [] { return EventLoop::current(); });
        const bool back = EventLoop::current() == loop;
        bool thrown = false;
        try {
            co_await run_on(*pool, []() -> int { throw Refused(Code::conflict, ""); });
        } catch (const Refused&) {
            thrown = true;
        }
        co_return text_response(fmt::format("{} {} {}", elsewhere == nullptr, back, thrown));
    });
    HttpClient client(server.port());
    CHECK(client.request("GET", "/").body == "true true true");
}

}  // namespace divan::server
