#include "storage/base/ini.h"

#include <doctest/doctest.h>

#include <vector>

namespace divan {
namespace {

struct Read {
    IniSections sections;
    std::vector<std::size_t> skipped;
};

Read read(std::string_view text, InlineComments comments = InlineComments::yes) {
    Read result;
    result.sections =
        parse_ini(text, comments, [&](std::size_t line) { result.skipped.push_back(line); });
    return result;
}

}  // namespace

TEST_CASE("ini: keys and values are split as CouchDB splits them") {
    struct Case {
        const char* line;
        const char* key;
        const char* value;
    };
    for (const auto& [line, key, value] : {
             Case{"k=v", "k", "v"},
             Case{"k = v", "k", "v"},
             Case{"  k\t=   v  ", "k", "v"},
             Case{"k=v=w", "k", "v=w"},
             Case{"k==v", "k", "=v"},
             Case{"k = =v", "k", "=v"},
             Case{"a=b = v", "a=b", "v"},
             Case{"k = v ; comment", "k", "v"},
             Case{"k = v\t;comment", "k", "v"},
             Case{"k = v;w", "k", "v;w"},
             Case{"K = V", "K", "V"},
         }) {
        CAPTURE(line);
        CHECK(read(std::string("[s]\n") + line).sections == IniSections{{"s", {{key, value}}}});
    }
}

TEST_CASE("ini: lines end in every way there is, and the last value wins") {
    CHECK(read("[a]\r\nx = 1\r\n\r\n[b]\rx = 2\r[a]\nx = 3\ny = 4").sections ==
          IniSections{{"a", {{"x", "3"}, {"y", "4"}}}, {"b", {{"x", "2"}}}});
}

TEST_CASE("ini: a key without a value counts as absent") {
    for (const char* text : {"[s]\nk =", "[s]\nk=\n", "[s]\nk = ; nothing"}) {
        CAPTURE(text);
        CHECK(read(text).sections.empty());
        CHECK(read(text).skipped.empty());
    }
}

TEST_CASE("ini: what is no line of the syntax is skipped and told") {
    const auto result = read("lost = 1\n[s]\ngarbage\n; comment\nk = v\n= x\n[]\n[t] x\nl = w\n");
    CHECK(result.sections == IniSections{{"s", {{"k", "v"}, {"l", "w"}}}});
    CHECK(result.skipped == std::vector<std::size_t>{1, 3, 6, 7, 8});
}

TEST_CASE("ini: what is printed reads back the same") {
    const IniSections sections = {
        {"cors", {{"origins", "https://a.example, https://b.example"}}},
        {"s", {{"a=b", "c = d ; e [f]"}, {"k", "\"quoted\""}, {"with blank", "x"}}},
    };
    CHECK(read(print_ini(sections), InlineComments::no).sections == sections);
}

}  // namespace divan
