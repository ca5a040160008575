#include "replication/replication_id.h"

#include <doctest/doctest.h>

namespace divan::replication {
namespace {

const ServerNames names{"0123456789abcdef0123456789abcdef", "machine", 5984};

Replication read(std::string_view ends, std::string_view more = "") {
    const LocalNames here{"http://127.0.0.1:5984/", "Basic YWRtaW46c2VjcmV0", ""};
    const auto body = "{" + std::string(ends) + std::string(more) + "}";
    return parse_replication(parse_json(body).value(), Rules(), &here).value();
}

constexpr std::string_view two_urls =
    R"("source":"http://host/db","target":{"url":"https://user:pass@other:6984/db",)"
    R"("headers":{"h":"v"}})";

std::string base_of(std::string_view more, std::string_view code = "") {
    return replication_id(read(two_urls, more), names, code).base;
}

}  // namespace

// The expected ids are MD5 digests that Erlang gave for the terms of couch_replicator_ids.
TEST_CASE("replication ids: addresses, users and headers") {
    CHECK(base_of("") == "77e86f194b5cf6ccd96448b3cecbd7d8");

    const LocalNames by_basic{"http://127.0.0.1:5984/", "Basic YWRtaW46c2VjcmV0", ""};
    const LocalNames by_cookie{"http://127.0.0.1:5984/", "", "AuthSession=x"};
    const auto body = parse_json(R"({"source":"a/b","target":"t"})").value();
    auto local = parse_replication(body, Rules(), &by_basic).value();
    local.target = parse_replication(body, Rules(), &by_cookie).value().target;
    CHECK(replication_id(local, names, "").base == "c7d0f761da7ea6597cf3e771aaa53473");
}

TEST_CASE("replication ids: what is chosen") {
    CHECK(base_of(R"(,"doc_ids":["c%2Fd","a"])") == "dba69326ca3959bd85f6bdcc6bf730bc");
    CHECK(base_of(R"(,"doc_ids":[])") == "4a2fa1930f621f58281b3fc9ba799d47");
    CHECK(base_of(R"(,"filter":"_view","query_params":{"view":"f/v"})") ==
          "f4059b6e73156ddd438b683fe0747fde");
    CHECK(base_of(R"(,"filter":"_design")") == "09fcc35237d4bc720e92aeff91a88604");
    CHECK(base_of(R"(,"filter":"a/b","query_params":{"min":"3","n":300,"f":1.5,"l":[1,2]})",
                  "function (doc) { return true }") == "5bae095c18e90821ca94b6f6fea67ed8");
    CHECK(base_of(R"(,"selector":{"a":{"b":{"$gt":2}},"type":"x"})") ==
          "d9d3b3c1c5f2db155291461fa8c89ce3");
    CHECK(base_of(R"(,"winning_revs_only":true,"since_seq":"7-x")") ==
          "421d75ebda8aec919238dadd7c266679");
    CHECK(base_of(R"(,"winning_revs_only":false)") == base_of(""));
    CHECK(base_of(R"(,"since_seq":0)") == "0023b4f4ceecc82e0b006c06ebe32250");
}

TEST_CASE("replication ids: kinds are added at the end") {
    CHECK(replication_id(read(two_urls, R"(,"continuous":true,"create_target":true)"), names, "")
              .full() == "77e86f194b5cf6ccd96448b3cecbd7d8+continuous+create_target");
    CHECK(replication_id(read(two_urls, R"(,"continuous":false)"), names, "").extension.empty());
}

TEST_CASE("replication ids: those of older versions") {
    CHECK(older_base_ids(read(two_urls), names, "") ==
          std::vector<std::string>{"8fe5b436d6a76dab0bb59d7a9dd4f49b",
                                   "453f92e97d50d4348add10845d34436b",
                                   "13f8fee5b691a0abc3335021fdd6522a"});
}

TEST_CASE("replication ids: code of filters without the spaces around it") {
    CHECK(trimmed_filter("  f  ") == "f");
    CHECK(trimmed_filter("  f  \n") == "f\n");
    CHECK(trimmed_filter("  f\n }  ") == "  f\n }  ");
    CHECK(trimmed_filter("   ").empty());
    CHECK(trimmed_filter("").empty());
    const auto name = filter_function(read(two_urls, R"(,"filter":"a/b/c")"));
    REQUIRE(name);
    CHECK(name->design == "a");
    CHECK(name->name == "b/c");
}

}  // namespace divan::replication
