#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "storage/base/digest.h"
#include "storage/base/json.h"
#include "test/support/test_server.h"

// Who owns a replication document, who may change it, and what others see of it. CouchDB:
// couch_replicator_docs:before_doc_update/3 and after_doc_read/2.

namespace divan::test {
namespace {

constexpr std::string_view ends =
    R"("source":"http://u:hidden@a/x","target":"http://u:hidden@b/y",)"
    R"("_replication_state":"completed")";  // Nothing is to begin.

Headers as(std::string_view who) {
    const auto value =
        who.empty() ? "" : "Basic " + base64_encode(std::string(who) + ":" +
                                                    (who == "admin" ? "secret" : "pw"));
    return {{"Authorization", value}, {"Content-Type", "application/json"}};
}

/// A database of replication documents that everybody may use. "dba" is one of its admins by name,
/// "head" by role; nothing replicates: every document says that it is done.
struct Fixture {
    Fixture() {
        server.create_database("r%2F_replicator");
        for (const std::string name : {"ann", "bob", "dba", "head"}) {
            const auto roles = name == "head" ? R"(["heads"])" : "[]";
            server.put("/_users/org.couchdb.user:" + name,
                       R"({"name":")" + name + R"(","type":"user","roles":)" + roles +
                           R"(,"password":"pw"})");
        }
        REQUIRE(server.put("/r%2F_replicator/_security",
                           R"({"admins":{"names":["dba"],"roles":["heads"]},"members":{}})")
                    .status == 200);
    }

    int put(std::string_view who, const std::string& id, const std::string& body) {
        return server.request("PUT", path(id), body, as(who)).status;
    }
    std::string get(std::string_view who, const std::string& id, std::string_view query = "") {
        return server.request("GET", path(id) + std::string(query), {}, as(who)).body;
    }
    std::string member(const std::string& id, std::string_view name) {
        const auto document = parse_json(get("admin", id)).value();
        const auto* found = document.find(name);
        return found ? found->dump() : "";
    }
    /// As it comes by replication, with any owner or none.
    void store(const std::string& id, const std::string& members, int generation = 1) {
        const auto reply = server.post(
            "/r%2F_replicator/_bulk_docs",
            R"({"new_edits":false,"docs":[{"_id":")" + id + R"(","_rev":")" +
                std::to_string(generation) + "-0123456789abcdef0123456789abcdef\"," + members +
                "}]}");
        REQUIRE(reply.body == "[]\n");
    }
    static std::string path(const std::string& id) { return "/r%2F_replicator/" + id; }
    static std::string document(const std::string& more) {
        return "{" + std::string(ends) + more + "}";
    }

    TestServer server;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "replication documents: the writer becomes the owner") {
    struct Row {
        std::string who;
        std::string given;  ///< Owner in the document, JSON; empty: none.
        int status;
        std::string owner;
    };
    const std::vector<Row> rows = {
        {"ann", "", 201, R"("ann")"},
        {"ann", R"("ann")", 201, R"("ann")"},
        {"ann", R"("bob")", 403, ""},
        {"ann", "null", 403, ""},
        {"ann", "1", 403, ""},
        {"", "", 201, "null"},
        {"", "null", 201, "null"},
        {"", R"("ann")", 403, ""},
        {"admin", "", 201, R"("admin")"},
        {"admin", R"("ann")", 201, R"("ann")"},
        {"admin", "null", 201, R"("admin")"},
        {"dba", "", 201, R"("dba")"},
        {"dba", R"("ann")", 201, R"("ann")"},
        {"dba", "null", 201, R"("dba")"},
        {"head", R"("ann")", 201, R"("ann")"},
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& row = rows[i];
        CAPTURE(row.who);
        CAPTURE(row.given);
        const auto id = "w" + std::to_string(i);
        const auto body = document(row.given.empty() ? "" : ",\"owner\":" + row.given);
        CHECK(put(row.who, id, body) == row.status);
        CHECK(member(id, "owner") == row.owner);
        const auto many = server.request("POST", "/r%2F_replicator/_bulk_docs",
                                         R"({"docs":[{"_id":"b)" + id + "\"," + body.substr(1) +
                                             "]}",
                                         as(row.who));
        CHECK(many.status == (row.status == 201 ? 201 : 403));
        CHECK(member("b" + id, "owner") == row.owner);
    }
}

TEST_CASE_FIXTURE(Fixture, "replication documents: owners and admins change them, nobody else") {
    struct Row {
        std::string stored;  ///< Owner of the stored document, JSON; empty: none.
        std::string who;
        bool may;
    };
    const std::vector<Row> rows = {
        {R"("ann")", "ann", true},   {R"("ann")", "bob", false}, {R"("ann")", "", false},
        {R"("ann")", "admin", true}, {R"("ann")", "dba", true},  {R"("ann")", "head", true},
        {"null", "dba", true},       {"", "dba", true},
    };
    int number = 0;
    for (const auto& row : rows) {
        CAPTURE(row.stored);
        CAPTURE(row.who);
        const auto owner = row.stored.empty() ? "" : ",\"owner\":" + row.stored;
        const std::string rev = "1-0123456789abcdef0123456789abcdef";
        const auto fresh = [&] {
            const auto id = "c" + std::to_string(number++);
            store(id, std::string(ends) + owner);
            return id;
        };
        auto id = fresh();
        // Whatever owner the new revision names.
        for (const auto& given : {std::string(), owner, ",\"owner\":\"" + row.who + "\""}) {
            CAPTURE(given);
            CHECK(put(row.who, id, document(given + ",\"_rev\":\"" + rev + "\"")) ==
                  (row.may ? 201 : 403));
            if (row.may) break;
        }
        id = fresh();
        CHECK(server.request("DELETE", path(id) + "?rev=" + rev, {}, as(row.who)).status ==
              (row.may ? 200 : 403));
        id = fresh();
        CHECK(put(row.who, id, R"({"_deleted":true,"_rev":")" + rev + "\"" + owner + "}") ==
              (row.may ? 200 : 403));
        id = fresh();
        const auto replicated =
            R"({"new_edits":false,"docs":[{"_id":")" + id +
            R"(","_revisions":{"start":2,"ids":["b","0123456789abcdef0123456789abcdef"]},)" +
            std::string(ends) + owner + "}]}";
        server.request("POST", "/r%2F_replicator/_bulk_docs", replicated, as(row.who));
        CHECK(get("admin", id).find(R"("_rev":"2-b")") ==
              (row.may ? get("admin", id).find(R"("_rev")") : std::string::npos));
    }
}

TEST_CASE_FIXTURE(Fixture, "replication documents: others see no credentials") {
    const std::vector<std::pair<std::string, std::string>> rows = {
        {R"("https://foo:bar@server/db")", R"("https://server/db")"},
        {R"("https://server/db")", R"("https://server/db")"},
        {R"("http://token@server/db")", R"("http://server/db")"},
        {R"("http://u:p@q@server/db")", R"("http://server/db")"},
        {R"("http://u:pa/ss@server/db")", R"("http://server/db")"},
        {R"("http://u:p@server:5984/a@b")", R"("http://server:5984/a@b")"},
        {R"({"headers":"bar"})", "{}"},
        {R"({"other":"bar","headers":{"Authorization":"x"}})", R"({"other":"bar"})"},
        {R"({"auth":{"basic":{"username":"u","password":"p"}},"url":"http://h/x"})",
         R"({"url":"http://h/x"})"},
        {R"({"url":"http://u:p@h/x","headers":{}})", R"({"url":"http://h/x"})"},
    };
    int number = 0;
    for (const auto& [secret, shown] : rows) {
        CAPTURE(secret);
        const auto id = "s" + std::to_string(number++);
        // A state that stops it: what no replication is may be stored then.
        store(id, R"("source":)" + secret + R"(,"target":)" + secret + R"(,"source_proxy":)" +
                      secret + R"(,"note":1,"owner":"ann","_replication_state":"failed")");
        const auto full = R"("source":)" + secret + R"(,"target":)" + secret;
        for (const char* who : {"ann", "admin", "dba", "head"}) {
            CAPTURE(who);
            CHECK(get(who, id).find(full) != std::string::npos);
        }
        for (const char* who : {"bob", ""}) {
            CAPTURE(who);
            const auto seen = get(who, id);
            CHECK(seen.find(R"("source":)" + shown + R"(,"target":)" + shown +
                            R"(,"source_proxy":)" + shown + R"(,"note":1,"owner":"ann")") !=
                  std::string::npos);
            CHECK(seen.find(R"("_rev":"1-)") != std::string::npos);
            CHECK(seen.find("0123456789abcdef0123456789abcdef") == std::string::npos);
        }
    }
}

TEST_CASE_FIXTURE(Fixture, "replication documents: there is no way round that") {
    CHECK(put("ann", "d", document("")) == 201);
    store("ownerless", std::string(ends));
    CHECK(server.put("/r%2F_replicator/_design/d",
                     R"({"views":{"v":{"map":"function (doc) { emit(doc.source) }"}},)"
                     R"("shows":{"s":"function (doc) { return doc.source }"},)"
                     R"("updates":{"u":"function (doc) { return [null, doc.source] }"}})")
              .status == 201);
    const std::vector<std::pair<std::string, std::string>> ways = {
        {"GET", "/d?rev=1-x"}, {"GET", "/d?open_revs=all"}, {"GET", "/d?latest=true"},
        {"GET", "/d?revs=true&revs_info=true&conflicts=true&meta=true&attachments=true"},
        {"GET", "/ownerless"}, {"GET", "/_all_docs?include_docs=true"},
        {"GET", "/_changes?include_docs=true"}, {"POST", "/_bulk_get"}, {"POST", "/_find"},
        {"POST", "/_all_docs/queries"}, {"GET", "/_design/d/_view/v"},
        {"GET", "/_design/d/_show/s/d"}, {"PUT", "/_design/d/_update/u/d"},
        {"GET", "/_local_docs?include_docs=true"}, {"COPY", "/ownerless"}, {"COPY", "/d"},
    };
    for (const char* who : {"bob", ""}) {
        for (const auto& [method, way] : ways) {
            CAPTURE(who);
            CAPTURE(way);
            auto headers = as(who);
            headers.emplace_back("Destination", "mine");
            const auto body = way == "/_bulk_get" ? R"({"docs":[{"id":"d"},{"id":"ownerless"}]})"
                              : way == "/_find"   ? R"({"selector":{"_id":{"$gt":null}}})"
                              : way == "/_all_docs/queries"
                                  ? R"({"queries":[{"include_docs":true}]})"
                                  : "";
            const auto reply =
                server.request(method, "/r%2F_replicator" + way, body, headers);
            CHECK(reply.body.find("hidden") == std::string::npos);
            CHECK(get(who, "mine").find("hidden") == std::string::npos);
        }
    }
}

TEST_CASE_FIXTURE(Fixture, "replication documents: what is no replication is refused") {
    const std::vector<std::pair<std::string, int>> rows = {
        {R"({"source":"http://a/x"})", 403},
        {R"({"target":"http://a/x"})", 403},
        {R"({"source":"here","target":"http://a/x"})", 403},
        {R"({"source":"ftp://a/x","target":"http://a/x"})", 403},
        {R"({"source":"http://a/x","target":"http://a/y","doc_ids":[1],"selector":{}})", 403},
        {R"({"source":"here","_replication_state":"failed"})", 201},
        {R"({"source":"here","_replication_state":"completed"})", 403},
    };
    int number = 0;
    for (const auto& [body, status] : rows) {
        CAPTURE(body);
        CHECK(put("ann", "n" + std::to_string(number++), body) == status);
    }
    CHECK(put("ann", "_local/x", R"({"any":"thing"})") == 201);
    CHECK(put("ann", "_design/x", "{}") == 403);  // Of admins, as everywhere.
    CHECK(put("dba", "_design/x", "{}") == 201);
    CHECK(member("_design/x", "owner").empty());
}

}  // namespace divan::test
