#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "storage/base/json.h"
#include "test/support/test_server.h"

namespace divan::test {
namespace {

/// A server with a database "db", and ways to give it functions.
struct Fixture {
    explicit Fixture(std::string_view ini = "") : server(ini) { server.create_database("db"); }

    void design(const std::string& name, const std::string& members) {
        REQUIRE(server.put("/db/_design/" + name, "{" + members + "}").status == 201);
    }
    static std::string member(const std::string& section, const std::string& source) {
        return json_string(section) + R"(:{"f":)" + json_string(source) + "}";
    }
    static std::string validator(const std::string& source) {
        return R"("validate_doc_update":)" + json_string(source);
    }

    TestServer server;
};

const Headers secrets = {
    {"Authorization",        "Basic YWRtaW46c2VjcmV0"},
    {"Cookie",               "Theirs=c2VjcmV0"       },
    {"X-Auth-CouchDB-Token", "token"                 },
    {"Content-Type",         "application/json"      }
};

}  // namespace

// CVE-2023-45725: functions saw the credentials of whoever called them.
TEST_CASE_FIXTURE(Fixture, "CVE-2023-45725: no function sees Cookie or Authorization") {
    const std::string tell = "JSON.stringify(req)";
    design("d", member("shows", "(doc, req) => " + tell) + "," +
                    member("updates", "(doc, req) => [null, " + tell + "]") + "," +
                    member("filters", "(doc, req) => { throw ['error', 'seen', " + tell + "]; }"));
    REQUIRE(server.put("/db/a", "{}").status == 201);
    for (const auto& [method, target] : std::vector<std::pair<const char*, const char*>>{
             {"GET",  "/db/_design/d/_show/f/a"  },
             {"POST", "/db/_design/d/_update/f/a"},
             {"GET",  "/db/_changes?filter=d/f"  }
    }) {
        CAPTURE(target);
        const auto reply = server.request(method, target, "", secrets);
        CHECK(reply.body.find("userCtx") != std::string::npos);
        for (const char* secret : {"YWRtaW46c2VjcmV0", "c2VjcmV0", "Authorization", "token"}) {
            CAPTURE(secret);
            CHECK(reply.body.find(secret) == std::string::npos);
        }
    }
}

TEST_CASE_FIXTURE(Fixture, "validators count from their commit on, until they are gone") {
    CHECK(server.put("/db/before", "{}").status == 201);
    design("d", validator("(doc) => { if (!doc.good) throw {forbidden: 'not good'}; }"));
    const auto refused = server.put("/db/a", "{}");
    CHECK(refused.status == 403);
    CHECK(refused.body == "{\"error\":\"forbidden\",\"reason\":\"not good\"}\n");
    CHECK(server.put("/db/a", R"({"good":1})").status == 201);
    CHECK(server.put("/db/_local/a", "{}").status == 201);
    server.restart();
    CHECK(server.put("/db/b", "{}").status == 403);
    const auto revision = parse_json(server.get("/db/_design/d").body)->find("_rev")->string();
    CHECK(server.del("/db/_design/d?rev=" + revision).status == 200);
    CHECK(server.put("/db/b", "{}").status == 201);
}

TEST_CASE_FIXTURE(Fixture, "a conflict is told before a validator is asked") {
    CHECK(server.put("/db/a", "{}").status == 201);
    design("d", validator("() => { throw {forbidden: 'never'}; }"));
    CHECK(server.put("/db/a", "{}").status == 409);
    const auto rows = server.post("/db/_bulk_docs", R"({"docs":[{"_id":"a"},{"_id":"b"}]})");
    CHECK(rows.body == R"([{"id":"a","error":"conflict","reason":"Document update conflict."},)"
                       R"({"id":"b","error":"forbidden","reason":"never"}])"
                       "\n");
}

TEST_CASE("a validator that loops refuses its own writes alone") {
    Fixture fixture("[couchdb]\nos_process_timeout = 300\n");
    auto& server = fixture.server;
    server.create_database("other");
    fixture.design("d", Fixture::validator("(doc) => { while (doc.loop); }"));
    const auto looped = server.put("/db/a", R"({"loop":true})");
    CHECK(looped.status == 500);
    CHECK(looped.body == "{\"error\":\"os_process_error\",\"reason\":\"OS process timed out.\"}\n");
    CHECK(server.put("/db/a", "{}").status == 201);
    CHECK(server.put("/other/a", R"({"loop":true})").status == 201);
}

TEST_CASE_FIXTURE(Fixture, "a function cannot forge headers") {
    design("d", member("shows",
                       "() => ({body: 'x', headers: {'X-A': 'a\\r\\nX-B: b', "
                       "'Content-Length': '1000'}})") +
                    "," +
                    R"("updates":{"f":"() => [null, {body: 'xy', headers: )"
                    R"({'Content-Length': '1', 'X-Fine': 'yes'}}]"})");
    const auto forged = server.get("/db/_design/d/_show/f");
    CHECK(forged.status == 500);
    CHECK(parse_json(forged.body)->find("error")->string() == "external_response_error");
    const auto fine = server.post("/db/_design/d/_update/f");
    CHECK(fine.body == "xy");
    CHECK(fine.header("x-fine") == "yes");
    CHECK(fine.header("content-security-policy") == "sandbox");
}

TEST_CASE_FIXTURE(Fixture, "a design document whose views do not compile is not stored") {
    const auto refused = server.put("/db/_design/d", R"({"views":{"v":{"map":"function ("}}})");
    CHECK(refused.status == 400);
    CHECK(refused.body.find("Compilation of the map function in the 'v' view failed") !=
          std::string::npos);
    CHECK(server.get("/db/_design/d").status == 404);
}

}  // namespace divan::test
