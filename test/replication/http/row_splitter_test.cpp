#include "replication/row_splitter.h"

#include <doctest/doctest.h>

#include "replication/peer.h"

namespace divan::replication {
namespace {

/// The rows, a line each, then the frame; "!" where it is no such answer.
std::string split(RowSplitter::Form form, std::string_view text, std::size_t piece) {
    RowSplitter rows(form);
    std::string out;
    try {
        while (!text.empty()) {
            rows.input().append(text.substr(0, piece));
            text.remove_prefix(std::min(piece, text.size()));
            while (const auto row = rows.next()) out.append(*row).append("\n");
        }
    } catch (const PeerFailure&) {
        return out + "!";
    }
    return out + rows.frame() + (rows.complete() ? "" : "?");
}

}  // namespace

TEST_CASE("Row splitter: rows of every form, in pieces of every size") {
    using Form = RowSplitter::Form;
    for (const std::size_t piece : {1, 2, 3, 7, 1000}) {
        CAPTURE(piece);
        CHECK(split(Form::results,
                    "{\"results\":[\n{\"a\":\"}]\\\"\"},\n{\"b\":[{}]}\n],\n"
                    "\"last_seq\":\"7-x, y\",\"pending\":0}\n",
                    piece) ==
              "{\"a\":\"}]\\\"\"}\n{\"b\":[{}]}\n"
              "{\"results\":[],\"last_seq\":\"7-x, y\",\"pending\":0}");
        CHECK(split(Form::results, "{\"last_seq\":5,\"results\":[]}", piece) ==
              "{\"last_seq\":5,\"results\":[]}");
        CHECK(split(Form::results, R"({"last_seq":[7,"x",{"a":1}],"results":[{}]})", piece) ==
              "{}\n" R"({"last_seq":[7,"x",{"a":1}],"results":[]})");
        CHECK(split(Form::list, "[{\"ok\":{}} , {\"missing\":\"1-a\"}]", piece) ==
              "{\"ok\":{}}\n{\"missing\":\"1-a\"}\n[]");
        CHECK(split(Form::lines, "\n\n{\"a\":1}\n\n{\"b\":{\"c\":2}}\n", piece) ==
              "{\"a\":1}\n{\"b\":{\"c\":2}}\n");
        CHECK(split(Form::lines, "{\"a\":1}\n{\"b\":", piece) == "{\"a\":1}\n?");
        CHECK(split(Form::results, "{\"results\":[{\"a\":1}", piece).ends_with("?"));
    }
}

TEST_CASE("Row splitter: what is no list of rows is told at once, and frames are bounded") {
    using Form = RowSplitter::Form;
    CHECK(split(Form::results, "{\"results\":[]}}", 1000).ends_with("!"));
    CHECK(split(Form::results, "{\"results\":[]]", 1000).ends_with("!"));
    CHECK(split(Form::lines, "<html>", 1000) == "!");
    CHECK(split(Form::results, std::string(1000, '['), 1000) == "!");
    CHECK(split(Form::results, "{\"x\":\"" + std::string(100'000, 'x'), 1000) == "!");
}

}  // namespace divan::replication
