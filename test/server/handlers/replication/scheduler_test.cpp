#include "server/handlers/replication/scheduler.h"

#include <doctest/doctest.h>

namespace divan::server {
namespace {

std::string meaning(const std::vector<std::string>& parts) {
    const auto path = parse_scheduler_docs_path(parts);
    if (!path) return "invalid";
    return path->database + (path->id ? " " + *path->id : "");
}

}  // namespace

// couch_replicator_httpd's own cases, and escaped slashes.
TEST_CASE("_scheduler/docs: which database and document a path means") {
    CHECK(meaning({}) == "_replicator");
    CHECK(meaning({"_replicator"}) == "_replicator");
    CHECK(meaning({"_replicator", "x"}) == "_replicator x");
    CHECK(meaning({"a", "_replicator"}) == "a/_replicator");
    CHECK(meaning({"a", "b", "_replicator"}) == "a/b/_replicator");
    CHECK(meaning({"a", "_replicator", "x"}) == "a/_replicator x");
    CHECK(meaning({"a/_replicator"}) == "a/_replicator");
    CHECK(meaning({"a/_replicator", "x/y"}) == "a/_replicator x/y");
    CHECK(meaning({"a", "b"}) == "invalid");
    CHECK(meaning({"foo"}) == "invalid");
    CHECK(meaning({"a", "b", "_replicator", "z", "w"}) == "invalid");
    CHECK(meaning({"_replicator", "z", "w"}) == "invalid");
}

TEST_CASE("_scheduler/docs: states") {
    const std::string two = "Failed,error";
    const std::string bad = "bogus";
    CHECK(parse_replication_states(nullptr).empty());
    CHECK(parse_replication_states(&two) == std::vector<std::string>{"failed", "error"});
    CHECK_THROWS_AS(parse_replication_states(&bad), Refused);
}

}  // namespace divan::server
