#include "tools/bench/reply_parser.h"

#include <doctest/doctest.h>

#include <vector>

namespace divan::bench {
namespace {

using State = ReplyParser::State;

struct Outcome {
    State state;
    std::string body;
    std::string rest;
};

// Feeds `text` in pieces of `step` bytes.
Outcome feed(ReplyParser& parser, std::string_view text, std::size_t step) {
    parser.start(true);
    State state = State::more;
    std::size_t at = 0;
    while (at < text.size() && state == State::more) {
        std::string_view piece = text.substr(at, step);
        const std::size_t size = piece.size();
        state = parser.feed(piece);
        at += size - piece.size();
        if (state == State::more) CHECK(piece.empty());
    }
    return {state, parser.body(), std::string(text.substr(at))};
}

}  // namespace

TEST_CASE("bench: a reply is read to its end, however its bytes arrive, and no further") {
    const std::vector<std::pair<std::string, std::string>> replies = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
        {"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n", ""},
        {"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", ""},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n"
         "0\r\n\r\n",
         "abc0123456789"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n", ""},
    };
    for (const auto& [reply, body] : replies) {
        for (const std::size_t step : {1UL, 2UL, 7UL, 1000UL}) {
            CAPTURE(reply);
            CAPTURE(step);
            ReplyParser parser;
            const Outcome outcome = feed(parser, reply + "HTTP/1.1 next", step);
            CHECK(outcome.state == State::done);
            CHECK(outcome.body == body);
            CHECK(outcome.rest == "HTTP/1.1 next");
        }
    }
}

TEST_CASE("bench: a reply without length ends with the connection") {
    ReplyParser parser;
    CHECK(feed(parser, "HTTP/1.1 200 OK\r\n\r\nuntil\nthe end", 3).state == State::more);
    CHECK(parser.closed() == State::done);
    CHECK(parser.body() == "until\nthe end");
    CHECK(parser.lines() == 1);
}

TEST_CASE("bench: a reply that is cut off is not taken for whole") {
    ReplyParser parser;
    for (const char* part : {"", "HTTP/1.1 200 OK\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
        CAPTURE(part);
        CHECK(feed(parser, part, 1000).state == State::more);
        CHECK(parser.closed() == State::broken);
    }
}

TEST_CASE("bench: what is no reply is refused") {
    ReplyParser parser;
    for (const char* bad :
         {"SMTP ready\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"}) {
        CAPTURE(bad);
        CHECK(feed(parser, bad, 1000).state == State::broken);
    }
}

TEST_CASE("bench: the body of an error is kept, that of a success only where it is wanted") {
    ReplyParser parser;
    parser.start(false);
    std::string_view fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    CHECK(parser.feed(fine) == State::done);
    CHECK(parser.body().empty());
    CHECK(parser.body_bytes() == 2);

    parser.start(false);
    std::string_view refused =
        "HTTP/1.1 409 Conflict\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno!";
    CHECK(parser.feed(refused) == State::done);
    CHECK(parser.body() == "no!");
    CHECK_FALSE(parser.keep_alive());
}

}  // namespace divan::bench
