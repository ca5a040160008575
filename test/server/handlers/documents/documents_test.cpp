#include <doctest/doctest.h>

#include "test/support/test_server.h"

namespace divan::test {
namespace {

std::string refused(std::string_view error, std::string_view reason) {
    return "{\"error\":\"" + std::string(error) + "\",\"reason\":\"" + std::string(reason) +
           "\"}\n";
}

std::string rev_of(const Reply& reply) {
    const auto at = reply.body.find("\"rev\":\"");
    REQUIRE(at != std::string::npos);
    const auto start = at + 7;
    return reply.body.substr(start, reply.body.find('"', start) - start);
}

constexpr const char* first_rev = "1-731bef401491606a3b246ed178e697c1";  // of {"n":1}

}  // namespace

TEST_CASE("a document is created, read, changed, deleted and made again") {
    TestServer server;
    server.create_database("db");
    const auto created = server.put("/db/a", R"({"n":1})");
    CHECK(created == Reply{201, R"({"ok":true,"id":"a","rev":")" + std::string(first_rev) +
                                    "\"}\n", {}});
    CHECK(created.header("etag") == '"' + std::string(first_rev) + '"');
    CHECK(created.header("location").ends_with("/db/a"));

    const auto read = server.get("/db/a");
    CHECK(read == Reply{200, R"({"_id":"a","_rev":")" + std::string(first_rev) +
                                 "\",\"n\":1}\n", {}});
    CHECK(read.header("etag") == created.header("etag"));
    CHECK(read.header("cache-control") == "must-revalidate");

    CHECK(server.put("/db/a", "{}") ==
          Reply{409, refused("conflict", "Document update conflict."), {}});
    const auto changed = server.put("/db/a?rev=" + std::string(first_rev), R"({"n":2})");
    CHECK(rev_of(changed).starts_with("2-c7b1fa"));
    CHECK(server.get("/db/a?rev=" + std::string(first_rev)).body == read.body);

    const auto gone = server.del("/db/a?rev=" + rev_of(changed));
    CHECK(gone.status == 200);
    CHECK(gone.header("location").empty());
    CHECK(server.get("/db/a") == Reply{404, refused("not_found", "deleted"), {}});
    CHECK(server.get("/db/a?rev=" + rev_of(gone)).body ==
          R"({"_id":"a","_rev":")" + rev_of(gone) + "\",\"_deleted\":true}\n");
    CHECK(rev_of(server.put("/db/a", "{}")).starts_with("4-"));
}

TEST_CASE("a document without members, and one with an id that needs escaping, are whole JSON") {
    TestServer server;
    server.create_database("db");
    CHECK(server.post("/db", R"({"_id":"q\"b\\s"})").header("location").ends_with(
        "/db/q%22b%5Cs"));
    CHECK(server.get("/db/q%22b%5Cs").body ==
          R"({"_id":"q\"b\\s","_rev":"1-967a00dff5e02add41819138abb3284d"})" "\n");
}

TEST_CASE("the revision comes from body, query or If-Match, and they must agree") {
    TestServer server;
    server.create_database("db");
    auto rev = rev_of(server.put("/db/a", "{}"));
    rev = rev_of(server.request("PUT", "/db/a", "{}", {{"If-Match", "\"" + rev + "\""}}));
    rev = rev_of(server.put("/db/a?rev=" + rev, R"({"_rev":")" + rev + "\"}"));
    CHECK(rev.starts_with("3-"));
    CHECK(server.put("/db/a?rev=1-abc", R"({"_rev":")" + rev + "\"}").body ==
          refused("bad_request",
                  "Document rev from request body and query string have different values"));
    CHECK(server.request("PUT", "/db/a?rev=" + rev, "{}", {{"If-Match", "1-abc"}}).body ==
          refused("bad_request", "Document rev and etag have different values"));
    CHECK(server.request("PUT", "/db/a", "{}", {{"If-Match", "*"}}).body ==
          refused("bad_request", "Invalid rev format"));
}

TEST_CASE("If-None-Match is compared by the letter") {
    TestServer server;
    server.create_database("db");
    const auto etag = server.put("/db/a", R"({"n":1})").header("etag");
    const auto ask = [&](const std::string& header, const char* target = "/db/a") {
        return server.request("GET", target, {}, {{"If-None-Match", header}}).status;
    };
    CHECK(ask(etag) == 304);
    CHECK(ask("W/" + etag) == 304);
    CHECK(ask("\"1-abc\", " + etag) == 304);
    CHECK(ask(etag, "/db/a?revs=true") == 304);
    CHECK(ask(etag, "/db/a?conflicts=true") == 304);
    CHECK(ask(etag.substr(1, etag.size() - 2)) == 200);
    CHECK(ask("*") == 200);
    CHECK(ask(etag, "/db/a?revs_info=true") == 200);
    CHECK(ask(etag, "/db/a?local_seq=true") == 200);
}

TEST_CASE("an answer that shows meta has no ETag") {
    TestServer server;
    server.create_database("db");
    server.put("/db/a?new_edits=false", R"({"_rev":"1-aaa"})");
    CHECK(server.get("/db/a?conflicts=true").header("etag") == "\"1-aaa\"");
    server.put("/db/a?new_edits=false", R"({"_rev":"1-bbb"})");
    const auto shown = server.get("/db/a?conflicts=true");
    CHECK(shown.body == R"({"_id":"a","_rev":"1-bbb","_conflicts":["1-aaa"]})" "\n");
    CHECK(shown.header("etag").empty());
    CHECK(server.get("/db/a?meta=true&rev=1-aaa").body == R"({"_id":"a","_rev":"1-aaa"})" "\n");
}

TEST_CASE("open_revs answers JSON only to who takes no multipart") {
    TestServer server;
    server.create_database("db");
    server.put("/db/a?new_edits=false", R"({"_rev":"1-aaa","v":1})");
    const std::string target = "/db/a?open_revs=%5B%221-aaa%22,%221-zz%22%5D";
    const auto json = server.request("GET", target, {}, {{"Accept", "application/json"}});
    CHECK(json == Reply{200, R"([{"ok":{"_id":"a","_rev":"1-aaa","v":1}},{"missing":"1-zz"}])"
                             "\n", {}});
    const auto mixed = server.get(target);
    const auto type = mixed.header("content-type");
    REQUIRE(type.starts_with("multipart/mixed; boundary=\""));
    const auto boundary = type.substr(27, type.size() - 28);
    CHECK(mixed.body == "--" + boundary +
                            "\r\nContent-Type: application/json\r\n\r\n"
                            R"({"_id":"a","_rev":"1-aaa","v":1})" "\r\n--" + boundary +
                            "\r\nContent-Type: application/json; error=\"true\"\r\n\r\n"
                            R"({"missing":"1-zz"})" "\r\n--" + boundary + "--");
    CHECK(server.get("/db/none?open_revs=all").status == 404);
    CHECK(server.get("/db/a?open_revs=[]").body == R"({"_id":"a","_rev":"1-aaa","v":1})" "\n");
    CHECK(server.get("/db/a?open_revs={}").body ==
          refused("bad_request", "Invalid list of revisions"));
}

TEST_CASE("ids are judged before bodies, and query strings before ids") {
    TestServer server;
    server.create_database("db");
    struct Row {
        const char* method;
        const char* target;
        const char* body;
        int status;
        const char* reason;
    };
    const Row rows[] = {
        {"PUT", "/db/_bad", "no json", 400,
         "Only reserved document ids may start with underscore."},
        {"PUT", "/db/_bad?rev=nonsense", "no json", 400, "Invalid rev format"},
        {"PUT", "/db/a", "no json", 400, "invalid UTF-8 JSON"},
        {"PUT", "/db/a", "", 400, "invalid UTF-8 JSON"},
        {"PUT", "/db/a", "[]", 400, "Document must be a JSON object"},
        {"PUT", "/db/a?new_edits=false", "{}", 400,
         "When `new_edits: false`, the document needs `_rev` or `_revisions` specified"},
        {"GET", "/db/none?rev=nonsense", "", 400, "Invalid rev format"},
        {"DELETE", "/db/none?rev=nonsense", "", 404, "missing"},
        {"PUT", "/db/_local", "{}", 400, "Invalid _local document id."},
        {"POST", "/db/a", "{}", 400, "Referer header required."},
        {"COPY", "/db/none", "", 400, "Destination header is mandatory for COPY."},
    };
    for (const auto& row : rows) {
        CAPTURE(row.method);
        CAPTURE(row.target);
        const auto reply = server.request(row.method, row.target, row.body);
        CHECK(reply.status == row.status);
        CHECK(reply.body.find("\"reason\":\"" + std::string(row.reason) + "\"") !=
              std::string::npos);
    }
}

TEST_CASE("a document is copied to a new id, over a revision, and to a local one") {
    TestServer server;
    server.create_database("db");
    const auto source = server.put("/db/a", R"({"n":1,"_attachments":{"x":{"data":"eA=="}}})");
    const auto copy = [&](const std::string& destination) {
        return server.request("COPY", "/db/a", {}, {{"Destination", destination}});
    };
    const auto copied = copy("b%2Fc");
    CHECK(copied.status == 201);
    CHECK(copied.header("location").ends_with("/db/b%2Fc"));
    CHECK(server.get("/db/b%2Fc/x").body == "x");
    CHECK(copy("b%2Fc").status == 409);
    CHECK(rev_of(copy("b%2Fc?rev=" + rev_of(copied))).starts_with("2-"));
    CHECK(rev_of(copy("_local/c")) == "0-1");
    CHECK(server.get("/db/_local/c").body == R"({"_id":"_local/c","_rev":"0-1","n":1})" "\n");
    CHECK(copy("http://elsewhere/db/d").body ==
          refused("bad_request", "Destination URL must be relative."));
    CHECK(copy("_bad").status == 400);
    // The copy's attachments are its own.
    server.del("/db/a?rev=" + rev_of(source));
    server.post("/db/_compact");
    CHECK(server.get("/db/b%2Fc/x").body == "x");
}

TEST_CASE("design documents have two addresses; GET of one is sent on to the other") {
    TestServer server;
    server.create_database("db");
    CHECK(server.put("/db/_design%2Fd", "{}").header("location").ends_with("/db/_design%2Fd"));
    CHECK(server.get("/db/_design/d").status == 200);
    const auto moved = server.get("/db/_design%2fd?revs=true");
    CHECK(moved.status == 301);
    CHECK(moved.header("location").ends_with("/db/_design/d?revs=true"));
    CHECK(moved.body.empty());
}

TEST_CASE("batch=ok is accepted whatever comes of it") {
    TestServer server;
    server.create_database("db");
    CHECK(server.put("/db/a?batch=ok", "{}") == Reply{202, "{\"ok\":true,\"id\":\"a\"}\n", {}});
    CHECK(server.get("/db/a").status == 200);
    CHECK(server.put("/db/a?batch=ok", "{}").status == 202);
    CHECK(server.put("/db/a?batch=ok", R"({"_bad":1})").status == 400);
}

TEST_CASE("documents beyond the limit are refused, POST with their id") {
    TestServer server("[couchdb]\nmax_document_size = 100\n");
    server.create_database("db");
    const auto text = R"({"_id":"a","t":")" + std::string(200, 'x') + "\"}";
    CHECK(server.post("/db", text) == Reply{413, refused("document_too_large", "a"), {}});
    CHECK(server.put("/db/b", R"({"t":")" + std::string(200, 'x') + "\"}") ==
          Reply{413, refused("document_too_large", ""), {}});
    CHECK(server.put("/db/c", R"({"_attachments":{"x":{"data":")" + std::string(400, 'A') +
                                  "\"}}}").status == 201);
}

TEST_CASE("ids of a partitioned database name a partition") {
    TestServer server;
    server.put("/parts?partitioned=true");
    CHECK(server.put("/parts/p:a", "{}").status == 201);
    CHECK(server.get("/parts/p:a").status == 200);
    CHECK(server.get("/parts/a").body ==
          refused("illegal_docid", "Doc id must be of form partition:id"));
    CHECK(server.put("/parts/a", "{}").status == 400);
    CHECK(server.post("/parts", "{}").status == 400);
    CHECK(server.put("/parts/_design/d", "{}").status == 201);
}

}  // namespace divan::test
