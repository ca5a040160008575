#include "replication/json_outline.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "replication/http_document.h"
#include "storage/base/json.h"

namespace divan::replication {
namespace {

std::string members_of(std::string_view object) {
    std::string text;
    JsonMembers members(object);
    while (members.next()) {
        text.append(members.key()).append("=").append(members.value()).append(";");
    }
    return text + (members.complete() ? "" : "!");
}

}  // namespace

TEST_CASE("JSON outline: members as they are written") {
    CHECK(members_of("{}") == "");
    CHECK(members_of(" { } ") == "");
    CHECK(members_of(R"({"a":1,"b":[{"c":"}"}],"d":{"e":"\""}})") ==
          R"(a=1;b=[{"c":"}"}];d={"e":"\""};)");
    CHECK(members_of("{ \"a\" : -1.5e+3 ,\n\"b\":null}") == "a=-1.5e+3;b=null;");
    CHECK(members_of(R"({"\u005fid":true})") == "_id=true;");
}

TEST_CASE("JSON outline: broken texts are not complete, and nothing reaches out of its place") {
    for (const char* text :
         {"", "[]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,", "{\"a\":1]", "{\"a\":[1}",
          "{\"a\":[}]}", "{\"a\":tru}", "{\"a\":\"x}", "{\"a\":1}}", "{\"a\":1}x", "{\"a\" 1}",
          "{\"a\":1 \"b\":2}", "{a:1}", "{\"a\":01x}", "{\"a\":\"\n\"}", "{\"a\":]}",
          "{\"\\x\":1}"}) {
        CAPTURE(text);
        CHECK(members_of(text).ends_with("!"));
    }
    const std::string deep = "{\"a\":" + std::string(20'000, '[') + std::string(20'000, ']') + "}";
    CHECK(members_of(deep).ends_with("!"));
}

TEST_CASE("JSON outline: texts cut or changed anywhere never make a part that is unbalanced") {
    const std::string whole =
        R"({"_id":"a\"b","_rev":"1-x","v":[1,{"k":[true,null,"\\"]},-2.5],"_attachments":{}})";
    std::mt19937 random(1);
    for (int round = 0; round < 20'000; ++round) {
        auto text = whole.substr(0, 1 + random() % whole.size());
        for (auto changes = random() % 4; changes > 0; --changes) {
            text[random() % text.size()] = "{}[]\",:\\ 0a"[random() % 11];
        }
        JsonMembers members(text);
        while (members.next()) {
            // A value that was found can stand in another text.
            const auto inside = "[" + std::string(members.value()) + ",1]";
            JsonItems items(inside);
            REQUIRE(items.next());
            REQUIRE(items.next());
            REQUIRE(items.value() == "1");
            REQUIRE_FALSE(items.next());
            REQUIRE(items.complete());
        }
        read_outline(text);
    }
}

TEST_CASE("Documents on their way: what a replicator looks at") {
    const std::string text =
        R"({"_id":"d","_rev":"2-ab","x":{"_id":"no"},"_attachments":{
            "a.txt":{"content_type":"text/plain","revpos":1,"length":9,"encoded_length":5,
                     "encoding":"gzip","follows":true},
            "old":{"stub":true,"length":3},
            "b":{"follows":true,"length":7}}})";
    auto outline = read_outline(text);
    REQUIRE(outline);
    CHECK(outline->id == "d");
    CHECK(to_string(outline->revision) == "2-ab");
    REQUIRE(outline->attachments.size() == 3);
    const auto document = travelling(*outline, text);
    CHECK(document.attachment_bytes == std::vector<std::uint64_t>{5, 7});
    const auto changed = with_followers(text, *outline, true);
    const auto again = read_outline(changed);
    REQUIRE(again);
    CHECK(travelling(*again, changed).attachment_bytes == std::vector<std::uint64_t>{9, 3, 7});
    CHECK(parse_json(changed).has_value());
    for (const char* bad : {R"({"_id":"d"})", R"({"_rev":"1-a"})", R"({"_id":1,"_rev":"1-a"})",
                            R"({"_id":"d","_rev":"x"})",
                            R"({"_id":"d","_rev":"1-a","_attachments":[]})",
                            R"({"_id":"d","_rev":"1-a","_attachments":{"a":{"follows":true}}})"}) {
        CAPTURE(bad);
        CHECK_FALSE(read_outline(bad));
    }
}

}  // namespace divan::replication
