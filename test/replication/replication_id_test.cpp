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
          base_of(R"(,"winning_revs_only":true)"));
    CHECK(base_of(R"(,"winning_revs_only":true)") != base_of(""));
    CHECK(base_of(R"(,"winning_revs_only":false)") == base_of(""));
    CHECK(base_of(R"(,"since_seq":0)") == base_of(""));
}

// Of mango_selector:normalize/1 of CouchDB 3.5.0: names stay as they were written.
TEST_CASE("replication ids: selectors") {
    const std::vector<std::pair<std::string_view, std::string_view>> rows = {
        {R"({"a":{"b":{"$gt":2}},"type":"x"})", "d9d3b3c1c5f2db155291461fa8c89ce3"},
        {R"({"a\\.b":1})", "690e0e15529f3e623d22150a00f2788e"},
        {R"({"a\\.b":{"c\\.d":{"$lt":2}}})", "20be821c42bb737294e5767b813f8225"},
        {R"({"a\\b":1})", "0757651b6b5d6ee3679e82685b9c8267"},
        {R"({"x":{"$elemMatch":{"y\\.z":{"$ne":null}}}})", "2339755c50090686b2f3a28969d47962"},
        {R"({"$not":{"a\\.b":{"$in":[1,{"k":1,"c":true}]}}})", "b1cf34acf28c0bcb53e6f36c9f7b0bee"},
        {R"({"$nor":[{"a":1},{"b":{"$regex":"x"}}]})", "5a761583c4e6dc5c0140ecde7f6ecdac"},
        {R"({"$and":[]})", "baa72cd7fb62ff4525ea6d6d4d73b033"},
        {R"({})", "4338389c28895df856297e5c78cc58ac"},
        {R"({"a":{}})", "5e0d6de4e47f8d5049407851aef6d594"},
        {R"({"a":{"$allMatch":{"$not":{"$eq":1}}}})", "a7f5312c0eec6d1276bce027f2902fec"},
        {R"({"a":{"$mod":[3,1]},"b":{"$all":["q",1.5]},"c":{"$exists":false}})",
         "c88ed132f8b4d544ccf43c2921d301be"},
        {R"({"$not":{"a":{"$size":2}}})", "01aa5c79501735f41ab6e2f4e3fc0494"},
        {R"({"$text":"word"})", "7fca2a23fb9aa7239c33fcd98da3093f"},
    };
    for (const auto& [selector, id] : rows) {
        CAPTURE(selector);
        CHECK(base_of(",\"selector\":" + std::string(selector)) == id);
    }
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
