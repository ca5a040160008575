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

// The cases of CouchDB's validate_doc_update_test.exs.
TEST_CASE_FIXTURE(Fixture, "a selector validates in the language query") {
    const std::string mango = R"("language":"query","validate_doc_update":)";
    const auto revision_of = [&](const char* path) {
        return parse_json(server.get(path).body)->find("_rev")->string();
    };
    design("m", mango + R"({"newDoc":{"type":{"$exists":true}}})");
    CHECK(server.put("/db/a", R"({"type":"movie"})").status == 201);
    const auto refused = server.put("/db/b", R"({"no":"type"})");
    CHECK(refused.status == 403);
    CHECK(refused.body == "{\"error\":\"forbidden\",\"reason\":\"document is not valid\"}\n");
    CHECK(server.put("/db/_local/b", "{}").status == 201);
    CHECK(server.put("/db/_design/other", "{}").status == 201);

    SUBCASE("with others, of which every one must match") {
        design("m2", mango + R"({"newDoc":{"year":{"$lt":2026}}})");
        CHECK(server.put("/db/c", R"({"type":"movie","year":1994})").status == 201);
        CHECK(server.put("/db/d", R"({"year":1994})").status == 403);
        const auto rows = server.post("/db/_bulk_docs", R"({"docs":[{"_id":"e","type":1,)"
                                                        R"("year":2094},{"_id":"f","type":1,)"
                                                        R"("year":1}]})");
        CHECK(rows.body.starts_with(R"([{"id":"e","error":"forbidden",)"));
        CHECK(rows.body.find(R"({"ok":true,"id":"f")") != std::string::npos);
    }
    SUBCASE("until it is changed, to another or to a function, or deleted") {
        const auto rev = revision_of("/db/_design/m");
        design("m", R"("_rev":")" + rev + "\"," + mango +
                        R"({"newDoc":{"type":{"$type":"string"},"year":{"$lt":2026}}})");
        CHECK(server.put("/db/c", R"({"type":"movie"})").status == 403);
        CHECK(server.put("/db/c", R"({"type":7,"year":1994})").status == 403);
        CHECK(server.put("/db/c", R"({"type":"movie","year":1994})").status == 201);
        design("m", R"("_rev":")" + revision_of("/db/_design/m") + "\"," +
                        validator("(doc) => { if (!doc.year) throw {forbidden: 'year'}; }"));
        CHECK(server.put("/db/d", R"({"year":1})").status == 201);
        CHECK(server.put("/db/e", "{}").status == 403);
        CHECK(server.del("/db/_design/m?rev=" + revision_of("/db/_design/m")).status == 200);
        CHECK(server.put("/db/e", "{}").status == 201);
    }
    SUBCASE("looking at the document before, too") {
        design("m2", mango + R"({"$or":[{"oldDoc":null},{"oldDoc.locked":{"$ne":true}}]})");
        CHECK(server.put("/db/c", R"({"type":1,"locked":true})").status == 201);
        const auto rev = revision_of("/db/c");
        CHECK(server.put("/db/c?rev=" + rev, R"({"type":1})").status == 403);
        CHECK(server.del("/db/c?rev=" + rev).status == 403);
    }
}

TEST_CASE_FIXTURE(Fixture, "what is no selector is refused before it hinders writing") {
    const auto put = [&](const std::string& members) {
        return server.put("/db/_design/d", "{" + members + "}");
    };
    const auto wrong = put(R"("language":"query","validate_doc_update":{"newDoc":{"$foo":1}})");
    CHECK(wrong.status == 400);
    CHECK(wrong.body.find("\"error\":\"invalid_operator\"") != std::string::npos);
    const auto script = put(R"("validate_doc_update":{"newDoc":{}})");
    CHECK(script.status == 400);
    CHECK(script.body.find("`validate_doc_update` field must have string type") !=
          std::string::npos);
    const auto number = put(R"("language":"query","validate_doc_update":7)");
    CHECK(number.body.find("`validate_doc_update` field must have object or string type") !=
          std::string::npos);
    // No document is equal to a text.
    CHECK(put(R"("language":"query","validate_doc_update":"text")").status == 201);
    CHECK(server.put("/db/a", "{}").status == 403);
}

TEST_CASE_FIXTURE(Fixture, "a validator in a language that nobody speaks lets nothing pass") {
    design("d", R"("language":"erlang","validate_doc_update":"fun() -> ok end.")");
    const auto refused = server.put("/db/a", "{}");
    CHECK(refused.status == 500);
    CHECK(refused.body == "{\"error\":\"unknown_query_language\",\"reason\":\"erlang\"}\n");
}

TEST_CASE_FIXTURE(Fixture, "_reload_query_servers: the next call finds a process of its own") {
    design("d", member("shows", "() => { n = (typeof n === 'undefined') ? 1 : n + 1; "
                                "return '' + n; }"));
    CHECK(server.get("/db/_design/d/_show/f").body == "1");
    CHECK(server.get("/db/_design/d/_show/f").body == "2");
    CHECK(server.post("/_reload_query_servers", "{}").body == "{\"ok\":true}\n");
    CHECK(server.get("/db/_design/d/_show/f").body == "1");
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
    Fixture fixture("[couchdb]\nos_process_timeout = 3000\n");
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

// g++ 12 destroys some temporaries of co_await expressions twice: this ended the server.
TEST_CASE_FIXTURE(Fixture, "lists read views, by GET and by POST") {
    const std::string list = "(head, req) => { let row, out = ''; while (row = getRow()) "
                             "out += row.key; return out + req.method; }";
    design("d", member("lists", list) +
                    R"(,"views":{"v":{"map":"(doc) => { emit(doc._id, 1); }"}})");
    CHECK(server.put("/db/a", "{}").status == 201);
    CHECK(server.put("/db/b", "{}").status == 201);
    CHECK(server.get("/db/_design/d/_list/f/v").body == "abGET");
    CHECK(server.get("/db/_design/d/_list/f/_all_docs?limit=1").body == "_design/dGET");
    CHECK(server.post("/db/_design/d/_list/f/v", R"({"keys":["b"]})").body == "bPOST");
    CHECK(server.get("/db/_design/d/_list/f/none").status == 404);
}

TEST_CASE_FIXTURE(Fixture, "a list that sends nothing answers with what it gave to start") {
    design("d", member("lists", "() => { start({code: 302, headers: {Location: '/there'}}); }") +
                    R"(,"views":{"v":{"map":"(doc) => { emit(doc._id, 1); }"}})");
    const auto reply = server.get("/db/_design/d/_list/f/v");
    CHECK(reply.status == 302);
    CHECK(reply.header("location") == "/there");
    CHECK(reply.header("content-type").empty());
}

TEST_CASE_FIXTURE(Fixture, "a design document whose views do not compile is not stored") {
    const auto refused = server.put("/db/_design/d", R"({"views":{"v":{"map":"function ("}}})");
    CHECK(refused.status == 400);
    CHECK(refused.body.find("Compilation of the map function in the 'v' view failed") !=
          std::string::npos);
    CHECK(server.get("/db/_design/d").status == 404);
}

}  // namespace divan::test
