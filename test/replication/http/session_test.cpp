#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>

#include "replication/http/client.h"
#include "replication/http/rate_limiter.h"
#include "test/replication/http/loop_run.h"
#include "test/replication/http/scripted_server.h"

namespace divan::replication {
namespace {

using Connection = ScriptedServer::Connection;

/// What a server is like that knows sessions, and what it saw.
struct Guard {
    std::string session_answer = "200 OK";
    std::string set_cookie = "Set-Cookie: AuthSession=one; Version=1; HttpOnly\r\n";
    std::string accepts = "Cookie: AuthSession=one\r\n";
    std::atomic<int> sessions = 0;
    std::atomic<int> requests = 0;
    std::string session_body;

    void play(Connection& connection) {
        for (std::string head; !(head = connection.request()).empty();) {
            if (head.starts_with("POST /_session ")) {
                ++sessions;
                session_body = head.substr(head.find("\r\n\r\n") + 4);
                const bool asks_more = session_answer == "basic" &&
                                       head.find("Authorization: Basic ") == head.npos;
                if (asks_more) {
                    connection.answer("401 No", "{}", "WWW-Authenticate: Basic\r\n");
                    continue;
                }
                const auto status = session_answer == "basic" ? "200 OK" : session_answer;
                connection.answer(status, "{}", status == "200 OK" ? set_cookie : "");
                continue;
            }
            ++requests;
            const bool good = head.find(accepts) != head.npos;
            connection.answer(good ? "200 OK" : "401 Unauthorized",
                              good ? "{}" : R"({"error":"unauthorized","reason":"no"})");
        }
    }
};

/// The statuses of `count` requests, or an error's name.
std::string ask(Guard& guard, int count, HttpClientSettings common = {}) {
    ScriptedServer server([&](Connection& connection) { guard.play(connection); });
    std::string text;
    run_on_loop(
        [&](LoopStage& stage) -> Task<void> {
            HttpPeerSettings settings;
            settings.url = fmt::format("http://jan:s%40%20x@127.0.0.1:{}/db", server.port());
            settings.retries = 0;
            HttpClient client(settings, stage.clients);
            HttpClient another(settings, stage.clients);
            for (int i = 0; i < count; ++i) {
                HttpRequest request;
                auto& asked = i % 2 == 0 ? client : another;
                try {
                    const auto reply = co_await asked.exchange(request, 1000);
                    text += fmt::format("{} ", reply.status);
                } catch (const PeerFailure& failure) {
                    text += failure.error() + " ";
                }
            }
        },
        common);
    return text;
}

}  // namespace

TEST_CASE("Sessions: one for all peers of a server, whose cookie is sent instead of a password") {
    Guard guard;
    CHECK(ask(guard, 4) == "200 200 200 200 ");
    CHECK(guard.sessions == 1);
    CHECK(guard.session_body == "name=jan&password=s%40+x");
}

TEST_CASE("Sessions: a server without them gets Basic") {
    for (const char* answer : {"404 Not Found", "405 No", "400 Bad", "501 No"}) {
        Guard guard;
        guard.session_answer = answer;
        guard.accepts = "Authorization: Basic amFuOnNAIHg=\r\n";
        CHECK(ask(guard, 2) == "200 200 ");
        CHECK(guard.sessions == 1);
    }
    Guard without_cookie;
    without_cookie.set_cookie = "Set-Cookie: other=1\r\n";
    without_cookie.accepts = "Authorization: Basic ";
    CHECK(ask(without_cookie, 1) == "200 ");
    Guard off;
    off.accepts = "Authorization: Basic ";
    HttpClientSettings common;
    common.session_auth = false;
    CHECK(ask(off, 1, common) == "200 ");
    CHECK(off.sessions == 0);
}

TEST_CASE("Sessions: a server that wants Basic even for them gets it") {
    Guard guard;
    guard.session_answer = "basic";
    CHECK(ask(guard, 2) == "200 200 ");
    CHECK(guard.sessions == 2);
}

TEST_CASE("Sessions: a refusal is final, a failing server is not") {
    Guard wrong;
    wrong.session_answer = "401 Unauthorized";
    CHECK(ask(wrong, 1) == "unauthorized ");
    CHECK(wrong.requests == 0);
    Guard forbidden;
    forbidden.session_answer = "403 Forbidden";
    CHECK(ask(forbidden, 1) == "forbidden ");
    Guard failing;
    failing.session_answer = "500 Oh";
    CHECK(ask(failing, 1) == "session ");
}

TEST_CASE("Sessions: a cookie that is refused is replaced, unless it is new") {
    Guard guard;
    guard.accepts = "Cookie: AuthSession=two\r\n";
    HttpClientSettings common;
    CHECK(ask(guard, 1, common) == "401 ");  // it was made a moment ago
    CHECK(guard.sessions == 1);
    Guard changing;
    changing.accepts = "Cookie: AuthSession=two\r\n";
    common.session_refresh_least = std::chrono::seconds(0);
    std::string first = "Set-Cookie: AuthSession=one\r\n";
    changing.set_cookie = first;
    ScriptedServer server([&](Connection& connection) {
        for (std::string head; !(head = connection.request()).empty();) {
            if (head.starts_with("POST /_session ")) {
                const bool again = ++changing.sessions > 1;
                connection.answer("200 OK", "{}",
                                  again ? "Set-Cookie: AuthSession=two; Max-Age=600\r\n" : first);
                continue;
            }
            const bool good = head.find(changing.accepts) != head.npos;
            connection.answer(good ? "200 OK" : "401 Unauthorized", "{}");
        }
    });
    run_on_loop(
        [&](LoopStage& stage) -> Task<void> {
            HttpPeerSettings settings;
            settings.url = fmt::format("http://a:b@127.0.0.1:{}/db", server.port());
            HttpClient client(settings, stage.clients);
            HttpRequest request;
            const auto reply = co_await client.exchange(request, 1000);
            CHECK(reply.status == 200);
        },
        common);
    CHECK(changing.sessions == 2);
    // What is streamed cannot be sent again, but whoever has it again finds a new cookie.
    struct Byte : BodySource {
        Task<bool> read(std::string& out) override {
            out += 'x';
            co_return false;
        }
    };
    changing.sessions = 0;
    run_on_loop(
        [&](LoopStage& stage) -> Task<void> {
            HttpPeerSettings settings;
            settings.url = fmt::format("http://a:b@127.0.0.1:{}/db", server.port());
            HttpClient client(settings, stage.clients);
            int refused = 0;
            for (int i = 0; i < 2; ++i) {
                Byte byte;
                HttpRequest request;
                request.method = "PUT";
                request.source = &byte;
                request.source_bytes = 1;
                try {
                    const auto reply = co_await client.exchange(request, 1000);
                    CHECK(reply.status == 200);
                } catch (const PeerFailure& failure) {
                    ++refused;
                    CHECK(failure.status() == 401);
                    CHECK(failure.kind() == PeerFailure::Kind::unreachable);
                }
            }
            CHECK(refused == 1);
        },
        common);
    CHECK(changing.sessions == 2);
}

TEST_CASE("Sessions: cookies that could be more than one are not taken") {
    for (const char* value : {"a b", "", "a,b", "\"a\""}) {
        CAPTURE(value);
        PeerSession session;
        const HttpHeaders headers = {{"set-cookie", fmt::format("AuthSession={}; Path=/", value)}};
        CHECK_FALSE(session.take_cookie(headers, {}, {}));
    }
    PeerSession session;
    CHECK(session.take_cookie({{"set-cookie", "x=1"}, {"set-cookie", "AuthSession=abc"}}, {}, {}));
    CHECK(session.cookie_header() == "AuthSession=abc");
}

TEST_CASE("Rate limiter: longer by a factor, shorter by steps, and forgotten") {
    using std::chrono::milliseconds;
    RateLimiter limiter;
    auto now = RateLimiter::Time() + std::chrono::hours(1);
    CHECK(limiter.interval("a", now) == milliseconds(0));
    limiter.refused("a", now);
    CHECK(limiter.interval("a", now) == milliseconds(24));
    limiter.refused("a", now + milliseconds(10));  // of the same moment
    CHECK(limiter.interval("a", now) == milliseconds(24));
    for (int i = 0; i < 100; ++i) limiter.refused("a", now += milliseconds(100));
    CHECK(limiter.interval("a", now) == RateLimiter::interval_max);
    limiter.served("a", now += milliseconds(100));
    CHECK(limiter.interval("a", now) == milliseconds(24'000));
    CHECK(limiter.interval("b", now) == milliseconds(0));
    limiter.served("a", now += milliseconds(20'000));
    CHECK(limiter.interval("a", now) == milliseconds(0));
    limiter.refused("a", now);
    CHECK(limiter.interval("a", now + std::chrono::minutes(2)) == milliseconds(0));
}

}  // namespace divan::replication
