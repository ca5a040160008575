#include "storage/document/multipart.h"

#include <doctest/doctest.h>

#include <random>

namespace divan::storage {
namespace {

struct Part {
    std::string content_type;
    std::string body;
    bool operator==(const Part&) const = default;
};

struct Taken {
    std::vector<Part> parts;
    bool ended = false;
    std::string error;
};

void take_events(MultipartParser& parser, Taken& taken) {
    while (true) {
        const auto event = parser.next();
        if (!event) {
            taken.error = event.error().reason;
            return;
        }
        switch (*event) {
            case MultipartParser::Event::need_more:
                return;
            case MultipartParser::Event::part_begin:
                taken.parts.emplace_back();
                for (const auto& header : parser.headers()) {
                    if (header.name != "content-type") continue;
                    taken.parts.back().content_type = header.value;
                }
                break;
            case MultipartParser::Event::part_data:
                REQUIRE_FALSE(taken.parts.empty());
                REQUIRE_FALSE(parser.data().empty());
                taken.parts.back().body += parser.data();
                break;
            case MultipartParser::Event::part_end:
                break;
            case MultipartParser::Event::end:
                taken.ended = true;
                break;
        }
    }
}

Taken take_apart(std::string_view body, std::size_t piece, std::string_view boundary = "abc") {
    MultipartParser parser(boundary);
    Taken taken;
    for (std::size_t at = 0; at < body.size() && taken.error.empty(); at += piece) {
        parser.feed(body.substr(at, piece));
        take_events(parser, taken);
    }
    return taken;
}

}  // namespace

TEST_CASE("boundaries are found in content types") {
    struct Row {
        const char* content_type;
        const char* boundary;  // null: none
    };
    const Row rows[] = {
        {"multipart/related;boundary=abc", "abc"},
        {"multipart/related; boundary=\"abc\"", "abc"},
        {"Multipart/Mixed; type=\"application/json\"; BOUNDARY = \"a b;c\" ; x=y", "a b;c"},
        {"multipart/form-data; boundary=\"a\\\"b\"", "a\"b"},
        {"multipart/related; boundary=a\" ; z", "a\""},
        {"multipart/related; type=none", nullptr},
        {"multipart/related; boundary=", nullptr},
        {"multipart/related; boundary", nullptr},
        {"multipart/related", nullptr},
        {"text/plain; boundary=abc", nullptr},
        {"", nullptr},
    };
    for (const auto& row : rows) {
        CAPTURE(row.content_type);
        const auto boundary = multipart_boundary(row.content_type);
        REQUIRE(boundary.has_value() == (row.boundary != nullptr));
        if (boundary) CHECK(*boundary == row.boundary);
    }
    CHECK_FALSE(multipart_boundary("multipart/x; boundary=" + std::string(2000, 'b')));
}

TEST_CASE("a body comes apart the same whatever pieces it arrives in") {
    const std::string body =
        "not for you\r\n--abc\r\nContent-Type: application/json; x\r\nX-Other: 1\r\n\r\n{}"
        "\r\n--abc\r\n\r\n\r\n--ab\r\n--xy"
        "\r\n--abc\r\n\r\n\r\n--abc\r\ncontent-type:text/plain\r\n\r\nlast\r\n--abc--\r\nnor this";
    const std::vector<Part> parts{{"application/json; x", "{}"},
                                  {"", "\r\n--ab\r\n--xy"},
                                  {"", ""},
                                  {"text/plain", "last"}};
    for (std::size_t piece = 1; piece <= body.size(); ++piece) {
        CAPTURE(piece);
        const auto taken = take_apart(body, piece);
        CHECK(taken.error == "");
        CHECK(taken.ended);
        CHECK(taken.parts == parts);
    }
}

TEST_CASE("a body that stops early has no end") {
    const std::string body = "--abc\r\n\r\none\r\n--abc\r\n\r\ntwo\r\n--abc--";
    for (std::size_t size = 0; size < body.size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(take_apart(std::string_view(body).substr(0, size), 5).ended);
    }
    CHECK(take_apart(body, 5).ended);
}

TEST_CASE("another boundary's body has no parts") {
    const auto taken = take_apart("--abc\r\n\r\none\r\n--abc--", 4, "xyz");
    CHECK(taken.parts.empty());
    CHECK_FALSE(taken.ended);
}

TEST_CASE("broken and endless part headers are refused") {
    CHECK(take_apart("--abc\r\nno colon\r\n\r\nx", 100).error == "bad part header");
    const auto endless = "--abc\r\n" + std::string(200000, 'h');
    CHECK(take_apart(endless, 1000).error == "part headers are too long");
}

TEST_CASE("header parameters are read") {
    const std::string_view header = "form-data; name=\"_doc\"; FileName=\"a b.txt\"";
    CHECK(header_parameter(header, "name") == "_doc");
    CHECK(header_parameter(header, "filename") == "a b.txt");
    CHECK_FALSE(header_parameter(header, "size"));
}

// Strategy: bodies put together from tokens that matter to the parser, cut in random pieces.
// Invariants: nothing is read out of bounds, no more bytes come out than went in, and the pieces
// do not change what comes out.
TEST_CASE("random bodies come apart without harm") {
    constexpr std::string_view tokens[] = {"--abc", "\r\n--abc", "--abc--", "\r\n",   "\r\n\r\n",
                                           "-",     "a: b",      "\r",      "text",   ":",
                                           "--",    "\n",        "--ab",    "\r\n--", "c"};
    std::mt19937 random(20240607);
    for (int round = 0; round < 3000; ++round) {
        std::string body;
        const auto count = random() % 30;
        for (unsigned i = 0; i < count; ++i) body += tokens[random() % std::size(tokens)];
        CAPTURE(body);
        const auto whole = take_apart(body, body.size() + 1);
        const auto cut = take_apart(body, 1 + random() % 7);
        CHECK(whole.error == cut.error);
        CHECK(whole.ended == cut.ended);
        CHECK(whole.parts == cut.parts);
        std::size_t bytes = 0;
        for (const auto& part : whole.parts) bytes += part.body.size();
        CHECK(bytes <= body.size());
    }
}

}  // namespace divan::storage
