#include <doctest/doctest.h>
#include <random>
#include <thread>
#include <zlib.h>

#include "test/server/http/http_fixture.h"

namespace divan::server {
namespace {

using test::HttpClient;
using test::Reply;
using std::chrono::milliseconds;

std::string gzip(std::string_view text) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(deflateBound(&stream, text.size()) + 32, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace

TEST_CASE("sessions: one connection answers one request after the other") {
    HttpFixture server(echo);
    HttpClient client(server.port());
    CHECK(client.request("GET", "/a") == Reply{200, "GET /a ", {}});
    CHECK(client.request("PUT", "/b", "body") == Reply{200, "PUT /b body", {}});
    const auto reply = client.request("GET", "/c");
    CHECK(reply.header("server") == "Divan");
    CHECK(reply.header("content-length") == "7");
    CHECK(reply.header("date").ends_with(" GMT"));
    CHECK(reply.header("x-couch-request-id").size() == 10);
    CHECK(client.request("GET", "/", {}, {{"X-Couch-Request-ID", "my-id"}})
              .header("x-couch-request-id") == "my-id");
    CHECK(server.metrics.requests == 4);
}

TEST_CASE("sessions: pipelined requests are answered in order, however they are cut") {
    HttpFixture server(echo);
    std::string text;
    for (int i = 0; i < 50; ++i) {
        text += "PUT /" + std::to_string(i) +
                " HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    }
    for (const std::size_t piece : {text.size(), std::size_t{7}, std::size_t{100}}) {
        CAPTURE(piece);
        HttpClient client(server.port());
        for (std::size_t at = 0; at < text.size(); at += piece) {
            client.send(std::string_view(text).substr(at, piece));
        }
        for (int i = 0; i < 50; ++i) {
            CHECK(client.receive().body == "PUT /" + std::to_string(i) + " abc");
        }
    }
}

TEST_CASE("sessions: HEAD is GET without the body") {
    HttpFixture server(echo);
    HttpClient client(server.port());
    const auto reply = client.request("HEAD", "/abc");
    CHECK(reply.status == 200);
    CHECK(reply.header("content-length") == "9");
    CHECK(client.request("GET", "/abc").body == "GET /abc ");
}

TEST_CASE("sessions: a POST may stand for another method") {
    HttpFixture server(echo);
    HttpClient client(server.port());
    const auto method = [&](const char* sent, const char* instead) {
        return client.request(sent, "/", "", {{"X-HTTP-Method-Override", instead}}).body;
    };
    CHECK(method("POST", "PUT") == "PUT / ");
    CHECK(method("POST", "COPY") == "COPY / ");
    CHECK(method("POST", "HEAD") == "GET / ");
    CHECK(method("POST", "PATCH") == "POST / ");
    CHECK(method("POST", "delete") == "POST / ");
    CHECK(method("GET", "DELETE") == "GET / ");
}

TEST_CASE("bodies: chunked ones are put together") {
    HttpFixture server(echo);
    HttpClient client(server.port());
    client.send("PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("3\r\nabc\r\n");
    client.send("A;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n");
    CHECK(client.receive().body == "PUT /x abc0123456789");
    client.send("PUT /y HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    CHECK(client.receive().body == "PUT /y ");
}

TEST_CASE("bodies: a broken chunk is refused and ends the connection") {
    HttpFixture server(echo);
    HttpClient client(server.port());
    client.send("PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n");
    CHECK(client.receive().status == 400);
    CHECK(client.at_end());
}

TEST_CASE("bodies: gzip is taken off; what is none, or another encoding, is refused") {
    HttpFixture server(echo);
    HttpClient client(server.port());
    const std::string text(300'000, 'x');
    const auto send = [&](std::string_view body, const char* encoding) {
        return client.request("PUT", "/", body, {{"Content-Encoding", encoding}});
    };
    CHECK(send(gzip(text), "gzip").body == "PUT / " + text);
    CHECK(send(gzip("one") + gzip("two"), "gzip").body == "PUT / onetwo");
    CHECK(send("plain", "identity").body == "PUT / plain");
    const auto zipped = gzip(text);
    for (const auto& broken : {std::string("plain"), zipped.substr(0, zipped.size() - 3),
                               zipped + "rest", std::string()}) {
        CHECK(send(broken, "gzip").body ==
              "{\"error\":\"bad_request\",\"reason\":\"Request body is not properly gzipped.\"}\n");
    }
    CHECK(send("x", "br") == Reply{415,
                                   "{\"error\":\"bad_content_type\",\"reason\":"
                                   "\"br is not a supported content encoding.\"}\n",
                                   {}});
    CHECK(send("x", "GZIP").status == 415);
}

TEST_CASE("bodies: a gzip bomb stops at the handler's limit") {
    HttpFixture server(echo);
    HttpClient client(server.port());
    const auto bomb = gzip(std::string(50'000'000, 'x'));
    CHECK(client.request("PUT", "/", bomb, {{"Content-Encoding", "gzip"}}).status == 413);
}

TEST_CASE("bodies: 100 Continue is sent when the body is wanted, and only then") {
    HttpFixture server([](Request& request) -> Task<Response> {
        if (request.raw_path == "/no") return ignore_body(request);
        return echo(request);
    });
    const std::string head =
        " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    HttpClient wanted(server.port());
    wanted.send("PUT /yes" + head);
    CHECK(wanted.receive_head().status == 100);
    wanted.send("body");
    CHECK(wanted.receive().body == "PUT /yes body");

    HttpClient unwanted(server.port());
    unwanted.send("PUT /no" + head);
    const auto reply = unwanted.receive();
    CHECK(reply.status == 200);
    CHECK(reply.header("connection") == "close");
    CHECK(unwanted.at_end());
}

TEST_CASE("bodies: what a handler leaves unread does not disturb the next request") {
    HttpFixture server(ignore_body);
    HttpClient client(server.port());
    CHECK(client.request("PUT", "/a", std::string(2'000'000, 'x')).body == "ignored /a");
    CHECK(client.request("GET", "/b").body == "ignored /b");
}

TEST_CASE("bodies: too much unread ends the connection, after the answer was sent") {
    HttpOptions options;
    options.drained_bytes_max = 100'000;
    HttpFixture server(ignore_body, options);
    HttpClient client(server.port());
    client.send("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n");
    const auto reply = client.receive();
    CHECK(reply.status == 200);
    CHECK(reply.header("connection") == "close");
    CHECK(client.at_end());
}

TEST_CASE("bodies: larger than the handler allows is 413, announced or not") {
    HttpFixture server(echo);
    HttpClient announced(server.port());
    announced.send("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n");
    CHECK(announced.receive().status == 413);

    HttpClient chunked(server.port());
    chunked.send("PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n");
    chunked.send(std::string(0x200000, 'x') + "\r\n0\r\n\r\n");
    CHECK(chunked.receive().status == 413);
}

TEST_CASE("sessions: HTTP/1.0 closes unless it asks to stay") {
    HttpFixture server(echo);
    HttpClient closing(server.port());
    closing.send("GET /a HTTP/1.0\r\n\r\n");
    CHECK(closing.receive().header("connection") == "close");
    CHECK(closing.at_end());

    HttpClient staying(server.port());
    staying.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(staying.receive().header("connection") == "keep-alive");
    staying.send("GET /b HTTP/1.0\r\n\r\n");
    CHECK(staying.receive().body == "GET /b ");
}

TEST_CASE("sessions: Connection: close is honoured") {
    HttpFixture server(echo);
    HttpClient client(server.port());
    CHECK(client.request("GET", "/a", {}, {{"Connection", "close"}}).body == "GET /a ");
    CHECK(client.at_end());
}

TEST_CASE("sessions: what is no HTTP is answered with 400 and ends") {
    HttpFixture server(echo);
    for (const char* garbage :
         {"hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n",
          "GET / HTTP/1.1\r\nHost h\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
          "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
          "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
        CAPTURE(garbage);
        HttpClient client(server.port());
        client.send(garbage);
        CHECK(client.receive().status == 400);
        CHECK(client.at_end());
    }
}

TEST_CASE("sessions: a header of several KB passes, an endless one does not") {
    HttpFixture server(echo);
    HttpClient client(server.port());
    CHECK(client.request("GET", "/a", {}, {{"X-Long", std::string(20'000, 'x')}}).status == 200);
    client.send("GET /a HTTP/1.1\r\nX-Long: " + std::string(80'000, 'x') + "\r\n\r\n");
    CHECK(client.receive().status == 413);
    CHECK(client.at_end());
}

TEST_CASE("sessions: a header value cannot begin another header") {
    HttpFixture server([](Request&) -> Task<Response> {
        Response response;
        response.add("X-Value", "a\r\nX-Evil: b");
        co_return response;
    });
    HttpClient client(server.port());
    const auto reply = client.request("GET", "/");
    CHECK(reply.header("x-evil").empty());
    CHECK(reply.header("x-value") == "a  X-Evil: b");
}

TEST_CASE("sessions: what a handler throws becomes an answer") {
    HttpFixture server([](Request& request) -> Task<Response> {
        if (request.raw_path == "/refused") throw Refused(Code::conflict, "");
        throw std::runtime_error("a secret");
    });
    HttpClient client(server.port());
    CHECK(client.request("GET", "/refused").status == 409);
    const auto broken = client.request("GET", "/broken");
    CHECK(broken.status == 500);
    CHECK(broken.body.find("secret") == std::string::npos);
}

TEST_CASE("sessions: idle, dripping and stalling clients are let go") {
    HttpOptions options;
    options.head_limit = milliseconds(150);
    options.stall_limit = milliseconds(150);
    SUBCASE("idle") {
        options.idle_limit = milliseconds(1500);  // a test that is held up must still ask in time
        HttpFixture server(echo, options);
        HttpClient client(server.port());
        CHECK(client.request("GET", "/").status == 200);
        CHECK(client.at_end());
    }
    SUBCASE("a head that never ends") {
        HttpFixture server(echo, options);
        HttpClient client(server.port());
        client.send("GET / HTTP/1.1\r\n");
        CHECK(client.at_end());
    }
    SUBCASE("a body that never comes") {
        HttpFixture server(echo, options);
        HttpClient client(server.port());
        client.send("PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
        CHECK(client.at_end());
    }
}

TEST_CASE("sessions: a large answer waits for a slow reader") {
    HttpFixture server([](Request&) -> Task<Response> {
        co_return text_response(std::string(20'000'000, 'x'));
    });
    HttpClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    std::this_thread::sleep_for(milliseconds(100));
    CHECK(client.receive().body.size() == 20'000'000);
}

// Strategy: a request that uses everything at once, cut, doubled and overwritten at random places.
// Invariants: every connection is answered or closed in time, and the server lives on.
TEST_CASE("sessions: damaged requests are answered or closed, never more") {
    HttpOptions options;
    options.idle_limit = options.head_limit = options.stall_limit = milliseconds(200);
    HttpFixture server(echo, options);
    const std::string whole =
        "PUT /a%20b?x=%41&y HTTP/1.1\r\nHost: h\r\nX-HTTP-Method-Override: GET\r\n"
        "Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
        "5;e=1\r\nhello\r\n0\r\nT: x\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    std::minstd_rand random(20240229);
    for (int round = 0; round < 300; ++round) {
        auto text = whole;
        for (auto changes = random() % 5 + 1; changes > 0; --changes) {
            const auto at = random() % (text.size() + 1);
            const auto what = random() % 3;
            if (what == 0) text.insert(at, 1 + random() % 8, static_cast<char>(random()));
            if (what == 1) text.erase(at, random() % 20);
            if (what == 2) text.insert(at, text.substr(text.size() / 2, random() % 40));
        }
        HttpClient client(server.port());
        CAPTURE(round);
        try {
            client.send(text);
            CHECK(client.receive().status >= 200);
        } catch (const std::runtime_error& broken) {
            CHECK(std::string(broken.what()) != "cannot connect");
        }
    }
    const auto lives = [&] {  // unless the test is held up for longer than an idle client may be
        try {
            return HttpClient(server.port()).request("GET", "/").status == 200;
        } catch (const std::runtime_error&) {
            return false;
        }
    };
    bool alive = false;
    for (int tries = 0; tries < 50 && !alive; ++tries) alive = lives();
    CHECK(alive);
}

TEST_CASE("stopping: idle connections end, a request under way gets its answer") {
    std::atomic<bool> entered{false};
    HttpOptions one_loop;  // so that both connections hear of the stop at the same moment
    one_loop.loops = 1;
    const auto handler = [&](Request& request) -> Task<Response> {
        entered = true;
        return echo(request);
    };
    HttpFixture server(handler, one_loop);
    HttpClient idle(server.port());
    CHECK(idle.request("GET", "/").status == 200);
    HttpClient busy(server.port());
    entered = false;
    busy.send("PUT /a HTTP/1.1\r\nContent-Length: 4\r\n\r\n");
    while (!entered) std::this_thread::sleep_for(milliseconds(1));
    std::thread stopper([&] { server.stop(); });
    CHECK(idle.at_end());
    busy.send("body");
    const auto reply = busy.receive();
    CHECK(reply.body == "PUT /a body");
    CHECK(reply.header("connection") == "close");
    stopper.join();
    CHECK_THROWS(HttpClient(server.port()).request("GET", "/"));
}

}  // namespace divan::server
