#include "server/route_tree.h"

#include <doctest/doctest.h>

#include "server/allow.h"

namespace divan::server {
namespace {

Task<Response> nothing(Call&) {
    co_return Response();
}

constexpr Route table[] = {
    {"GET", "/", Access::user, nothing},
    {"GET", "/_up", Access::user, nothing},
    {"GET", "/{db}", Access::member, nothing},
    {"PUT", "/{db}", Access::server_admin, nothing, true},
    {"GET", "/{db}/_all_docs", Access::member, nothing},
    {"POST", "/{db}/_all_docs/queries", Access::member, nothing},
    {"GET", "/{db}/{doc}", Access::member, nothing},
    {"GET", "/{db}/_local/{id...}", Access::member, nothing},
    {"GET", "/{db}/{doc}/{attachment...}", Access::member, nothing},
    {"GET", "/_node/{node}/_config/{section}/{key}", Access::server_admin, nothing},
};

using Segments = std::vector<std::string>;

}  // namespace

TEST_CASE("routes: literal segments win over names, names over the rest") {
    const RouteTree tree(table);
    struct Case {
        Segments path;
        const char* pattern;  ///< Null: none fits.
    };
    const Case cases[] = {
        {{}, "/"},
        {{"_up"}, "/_up"},
        {{"db"}, "/{db}"},
        {{"_up", "x"}, "/{db}/{doc}"},
        {{"db", "_all_docs"}, "/{db}/_all_docs"},
        {{"db", "_all_docs", "queries"}, "/{db}/_all_docs/queries"},
        {{"db", "_all_docs", "x"}, "/{db}/{doc}/{attachment...}"},
        {{"db", "_local"}, "/{db}/{doc}"},
        {{"db", "_local", "a", "b"}, "/{db}/_local/{id...}"},
        {{"db", "doc", "a", "b", "c"}, "/{db}/{doc}/{attachment...}"},
        {{"_node", "n", "_config", "s", "k"}, "/_node/{node}/_config/{section}/{key}"},
        {{"_node", "n", "_config", "s"}, "/{db}/{doc}/{attachment...}"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.pattern);
        const auto* group = tree.find(one.path);
        REQUIRE(group != nullptr);
        CHECK(group->pattern == one.pattern);
    }
    const RouteTree small(std::span<const Route>(table).first(2));
    CHECK(small.find(Segments{"db"}) == nullptr);
}

TEST_CASE("routes: names read back what they stand for, the rest joined") {
    const RouteTree tree(table);
    const Segments path = {"db", "doc", "a/b", "c"};
    std::vector<std::pair<std::string_view, std::string>> values;
    RouteTree::take_values(*tree.find(path), path, values);
    REQUIRE(values.size() == 3);
    CHECK(values[0] == std::pair<std::string_view, std::string>("db", "db"));
    CHECK(values[1] == std::pair<std::string_view, std::string>("doc", "doc"));
    CHECK(values[2] == std::pair<std::string_view, std::string>("attachment", "a/b/c"));
}

TEST_CASE("routes: a known path tells its methods, in CouchDB's words where it has some") {
    const RouteTree tree(table);
    CHECK(tree.find(Segments{"db"})->find("PATCH") == nullptr);
    CHECK(tree.find(Segments{"db"})->find("PUT")->no_database);
    CHECK(tree.find(Segments{"db"})->allow == "DELETE,GET,HEAD,POST");
    CHECK(tree.find(Segments{"db", "_all_docs", "queries"})->allow == "POST");
    CHECK(allow_text("/{db}/_security") == "PUT,GET");
    CHECK(allow_text("/{db}/_bulk_docs").empty());
}

}  // namespace divan::server
