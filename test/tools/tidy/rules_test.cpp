#include "tools/tidy/rules.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace divan::tidy {

TEST_CASE("tidy rules: rows, exceptions and headers are read, comments are not") {
    const auto rules = parse_rules(
        "# a comment\n"
        "layer 0 storage/base  # the lowest\n"
        "\n"
        "layer 5 server\n"
        "only server/http: storage/base auth\n"
        "header rocksdb/: storage/engine/rocks_*.cpp\n");
    REQUIRE(rules.layers.size() == 2);
    CHECK(rules.layers[1].level == 5);
    CHECK(rules.layers[1].folder == "server");
    REQUIRE(rules.only.size() == 1);
    CHECK(rules.only[0].sees == std::vector<std::string>{"storage/base", "auth"});
    REQUIRE(rules.headers.size() == 1);
    CHECK(rules.headers[0].prefix == "rocksdb/");
}

TEST_CASE("tidy rules: a line that is not understood is told with its number") {
    for (const char* bad : {"layer\n", "layer x storage\n", "only server\n", "header a b\n",
                            "nonsense\n"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(parse_rules(bad), std::runtime_error);
    }
    CHECK_THROWS_WITH(parse_rules("\nlayr 1 x\n"),
                      "layers.txt:2: expected layer, only or header");
}

TEST_CASE("tidy rules: a file belongs to the longest folder above it") {
    const auto rules = parse_rules("layer 1 storage\nlayer 0 storage/base\n");
    CHECK(rules.layer_of("storage/base/x.h")->level == 0);
    CHECK(rules.layer_of("storage/basement/x.h")->level == 1);
    CHECK(rules.layer_of("server/x.h") == nullptr);
}

TEST_CASE("tidy rules: a star stands for any text") {
    CHECK(matches("a/rocks_*.cpp", "a/rocks_engine.cpp"));
    CHECK(matches("tools/*", "tools/bench/main.cpp"));
    CHECK(matches("a.cpp", "a.cpp"));
    CHECK_FALSE(matches("a/rocks_*.cpp", "a/rocks_engine.h"));
    CHECK_FALSE(matches("a.cpp", "a.cpp2"));
    CHECK_FALSE(matches("*.cpp", "a.h"));
}

}  // namespace divan::tidy
