#include "server/handlers/bulk/bulk.h"

#include <doctest/doctest.h>

#include "storage/database/read_view.h"
#include "test/server/handlers/handler_host.h"

namespace divan::server {
namespace {

// {"n":1}, {} and {"v":1} as first revisions, as CouchDB names them.
constexpr std::string_view n1 = "1-731bef401491606a3b246ed178e697c1";
constexpr std::string_view empty = "1-967a00dff5e02add41819138abb3284d";

std::string ok(std::string_view id, std::string_view rev) {
    return R"({"ok":true,"id":")" + std::string(id) + R"(","rev":")" + std::string(rev) + "\"}";
}

std::string conflict(std::string_view id) {
    return R"({"id":")" + std::string(id) +
           R"(","error":"conflict","reason":"Document update conflict."})";
}

Reply created(std::string body) {
    return {201, std::move(body), "application/json"};
}

}  // namespace

TEST_CASE("_bulk_docs answers every row in the order sent, refused ones too") {
    HandlerHost host;
    CHECK(host.post(post_bulk_docs, R"({"docs":[{"_id":"b","n":1},{"_id":"a"}]})") ==
          created("[" + ok("b", n1) + "," + ok("a", empty) + "]\n"));
    CHECK(host.post(post_bulk_docs, R"({"docs":[{"_id":"b","n":2},{"_id":"c"}]})") ==
          created("[" + conflict("b") + "," + ok("c", empty) + "]\n"));
    CHECK(host.post(post_bulk_docs, R"({"docs":[]})") == created("[]\n"));
}

TEST_CASE("_bulk_docs gives a document without an id one of its own") {
    HandlerHost host;
    const auto reply = host.post(post_bulk_docs, R"({"docs":[{"n":1},{"n":1}]})");
    CHECK(reply.status == 201);
    CHECK(host.database().state().document_count == 2);
}

TEST_CASE("_bulk_docs with new_edits false tells only what failed") {
    HandlerHost host;
    host.identity = {"reader", {}, "default"};
    CHECK(host.post(post_bulk_docs, R"({"new_edits":false,"docs":[{"_id":"a","_rev":"3-x"},)"
                                    R"({"_id":"_design/d","_rev":"1-y"}]})") ==
          created(R"([{"id":"_design/d","rev":"1-y","error":"forbidden",)"
                  R"("reason":"You are not a db or server admin."}])"
                  "\n"));
    CHECK(to_string(host.database().view()->head("a")->winner) == "3-x");
}

TEST_CASE("_bulk_docs refuses everything where one document cannot be read") {
    const struct {
        std::string docs;
        int status;
        std::string error;
    } cases[] = {
        {R"(5)", 400, "bad_request"},
        {R"({"_id":"_x"})", 400, "illegal_docid"},
        {R"({"_id":"x","_foo":1})", 400, "doc_validation"},
        {R"({"_id":"x","_attachments":{"_a":{"data":""}}})", 400, "bad_request"},
        {R"({"_id":"x","_attachments":{"a":{"stub":true}}})", 412, "missing_stub"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.docs);
        HandlerHost host;
        const auto reply =
            host.post(post_bulk_docs, R"({"docs":[{"_id":"ok"},)" + one.docs + "]}");
        CHECK(reply.status == one.status);
        CHECK(reply.body.find("\"error\":\"" + one.error + "\"") != std::string::npos);
        CHECK(host.database().state().document_count == 0);
    }
}

TEST_CASE("_bulk_docs keeps to the limits of sizes") {
    HandlerHost host;
    host.config.set("couchdb", "max_document_size", "20", false).value();
    host.config.set("couchdb", "max_attachment_size", "2", false).value();
    CHECK(host.post(post_bulk_docs,
                    R"({"docs":[{"_id":"a"},{"_id":"b","t":"0123456789abcdef"}]})") ==
          Reply{413, "{\"error\":\"document_too_large\",\"reason\":\"b\"}\n", "application/json"});
    CHECK(host.post(post_bulk_docs,
                    R"({"docs":[{"_id":"a","_attachments":{"x":{"data":"eHh4"}}}]})") ==
          Reply{413, "{\"error\":\"attachment_too_large\",\"reason\":\"x\"}\n",
                "application/json"});
    CHECK(host.database().state().document_count == 0);
}

TEST_CASE("_bulk_docs writes local documents, which are never in conflict") {
    HandlerHost host;
    CHECK(host.post(post_bulk_docs, R"({"docs":[{"_id":"_local/a","v":1},{"_id":"x"}]})") ==
          created("[" + ok("_local/a", "0-1") + "," + ok("x", empty) + "]\n"));
    CHECK(host.post(post_bulk_docs,
                    R"({"docs":[{"_id":"_local/a"},{"_id":"_local/a","_rev":"0-7"},)"
                    R"({"_id":"_local/a","_rev":"0-8","_deleted":true}]})") ==
          created("[" + ok("_local/a", "0-1") + "," + ok("_local/a", "0-8") + "," +
                  ok("_local/a", "0-0") + "]\n"));
}

TEST_CASE("_bulk_docs: all_or_nothing is refused row by row") {
    HandlerHost host;
    const auto reply = host.post(
        post_bulk_docs, R"({"all_or_nothing":true,"docs":[{"_id":"a"},{"_id":"b","_rev":"1-x"}]})");
    CHECK(reply.status == 417);
    CHECK(reply.body ==
          R"([{"id":"a","rev":"0-","error":"not_implemented",)"
          R"("reason":"all_or_nothing is not supported"},)"
          R"({"id":"b","rev":"1-x","error":"not_implemented",)"
          R"("reason":"all_or_nothing is not supported"}])"
          "\n");
}

TEST_CASE("_bulk_docs: a bad design document fails alone, and after a conflict") {
    HandlerHost host;
    CHECK(host.post(post_bulk_docs,
                    R"({"docs":[{"_id":"_design/d","views":1},{"_id":"a","n":1}]})") ==
          created(R"([{"id":"_design/d","error":"invalid_design_doc",)"
                  R"("reason":"`views` field must have object type"},)" +
                  ok("a", n1) + "]\n"));
    host.post(post_bulk_docs, R"({"docs":[{"_id":"_design/d"}]})");
    CHECK(host.post(post_bulk_docs, R"({"docs":[{"_id":"_design/d","views":1}]})") ==
          created("[" + conflict("_design/d") + "]\n"));
}

TEST_CASE("_bulk_docs of a partitioned database refuses ids without a partition") {
    HandlerHost host(true);
    CHECK(host.post(post_bulk_docs, R"({"docs":[{"_id":"p:1"},{"_id":"bad"}]})").status == 400);
    CHECK(host.database().state().document_count == 0);
    CHECK(host.post(post_bulk_docs, R"({"docs":[{"_id":"p:1"},{"_id":"_design/d"}]})").status ==
          201);
}

TEST_CASE("_bulk_docs takes bodies that are too large for the event loop") {
    HandlerHost host;
    std::string docs;
    for (int i = 0; i < 3000; ++i) {
        docs += (i > 0 ? "," : "") + (R"({"_id":"doc)" + std::to_string(i)) +
                R"(","text":"something to fill the body with"})";
    }
    const auto reply = host.post(post_bulk_docs, R"({"docs":[)" + docs + "]}");
    CHECK(reply.status == 201);
    CHECK(host.database().state().document_count == 3000);
    CHECK(host.post(post_bulk_docs, R"({"docs":[)" + docs + "]").status == 400);
}

TEST_CASE("_bulk_get tells of each row what it is, in the order asked") {
    HandlerHost host;
    host.post(post_bulk_docs,
              R"({"new_edits":false,"docs":[)"
              R"({"_id":"a","_revisions":{"start":2,"ids":["b","x"]},"v":1},)"
              R"({"_id":"a","_revisions":{"start":2,"ids":["c","x"]},"_deleted":true}]})");
    const std::string leaf_b = R"({"ok":{"_id":"a","_rev":"2-b","v":1}})";
    const std::string leaf_c = R"({"ok":{"_id":"a","_rev":"2-c","_deleted":true}})";
    const auto error = [](std::string_view id, std::string_view rev, std::string_view reason,
                          std::string_view name) {
        return R"({"error":{"rev":)" + std::string(rev) + R"(,"reason":")" + std::string(reason) +
               R"(","id":)" + std::string(id) + R"(,"error":")" + std::string(name) + "\"}}";
    };
    const struct {
        std::string row;
        std::string id;
        std::string docs;
    } cases[] = {
        {R"({"id":"a"})", R"("a")", leaf_b + "," + leaf_c},
        {R"({"id":"a","rev":"2-b"})", R"("a")", leaf_b},
        {R"({"id":"a","rev":"1-x"})", R"("a")",
         error(R"("a")", R"("1-x")", "missing", "not_found")},
        {R"({"id":"no"})", R"("no")", error(R"("no")", R"("undefined")", "missing", "not_found")},
        {R"({"id":"no","rev":"1-q"})", R"("no")",
         error(R"("no")", R"("1-q")", "missing", "not_found")},
        {R"({"id":"a","rev":5})", R"("a")",
         error(R"("a")", "5", "Invalid rev format", "bad_request")},
        {R"({"rev":"1-a"})", "null", error("null", "null", "document id missed", "bad_request")},
        {R"([])", "null",
         error("null", "null", "document must be a JSON object", "bad_request")},
        {R"({"id":"a","atts_since":"x"})", R"("a")",
         error(R"("a")", R"("x")", "att_since value must be array of revs.", "bad_request")},
    };
    for (const auto& one : cases) {
        CAPTURE(one.row);
        CHECK(host.post(post_bulk_get, R"({"docs":[)" + one.row + "]}").body ==
              R"({"results":[{"id":)" + one.id + R"(,"docs":[)" + one.docs + "]}]}\n");
    }
    CHECK(host.post(post_bulk_get, R"({"docs":[{"id":"a","rev":"1-x"}]})", "/db?latest=true")
              .body ==
          R"({"results":[{"id":"a","docs":[)" + leaf_b + "," + leaf_c + "]}]}\n");
}

TEST_CASE("_bulk_get refuses what makes no sense for many documents") {
    HandlerHost host;
    for (const std::string id : {"7", "null", "[]", "true"}) {
        CAPTURE(id);
        const auto reply = host.post(post_bulk_get, R"({"docs":[{"id":"a"},{"id":)" + id + "}]}");
        CHECK(reply.status == 400);
        CHECK(reply.body.find("Document id must be a string") != std::string::npos);
    }
    for (const std::string name : {"open_revs", "new_edits", "w", "rev", "atts_since"}) {
        CAPTURE(name);
        CHECK(host.post(post_bulk_get, R"({"docs":[]})", "/db?" + name + "=x") ==
              Reply{400,
                    R"({"error":"bad_request","reason":"\")" + name +
                        R"(\" query parameter is not acceptable"})" + "\n",
                    "application/json"});
    }
    CHECK(host.post(post_bulk_get, "{}").status == 400);
    CHECK(host.post(post_bulk_get, R"({"docs":"a"})").status == 400);
}

TEST_CASE("_bulk_get sends a long answer in pieces, with nothing lost") {
    HandlerHost host;
    std::string docs;
    std::string ids;
    const std::string text(4000, 'x');
    constexpr int count = 500;
    for (int i = 0; i < count; ++i) {
        const auto id = "\"doc" + std::to_string(i) + '"';
        docs += (i > 0 ? "," : "") + (R"({"_id":)" + id) + R"(,"t":")" + text + "\"}";
        ids += (i > 0 ? "," : "") + (R"({"id":)" + id) + "}";
    }
    host.post(post_bulk_docs, R"({"docs":[)" + docs + "]}");
    const auto reply = host.post(post_bulk_get, R"({"docs":[)" + ids + "]}", "/db?revs=true");
    const auto sent = parse_json(reply.body).value();
    REQUIRE(sent.find("results")->items().size() == count);
    for (int i = 0; i < count; ++i) {
        const auto& row = sent.find("results")->items()[static_cast<std::size_t>(i)];
        CHECK(row.find("id")->string() == "doc" + std::to_string(i));
        const auto* document = row.find("docs")->items()[0].find("ok");
        REQUIRE(document);
        CHECK(document->find("_revisions"));
    }
}

TEST_CASE("_bulk_get answers in parts to who takes no JSON") {
    HandlerHost host;
    host.post(post_bulk_docs,
              R"({"docs":[{"_id":"a"},{"_id":"b","_attachments":)"
              R"({"x":{"content_type":"image/png","data":"cGl4ZWxz"}}}]})");
    HandlerHost::Sent sent;
    sent.body = R"({"docs":[{"id":"a"},{"id":"b"},{"id":"no"}]})";
    sent.headers.push_back({"accept", "multipart/mixed"});
    const auto reply = host.call(post_bulk_get, std::move(sent));
    CHECK(reply.content_type.starts_with("multipart/mixed; boundary=\""));
    const auto has = [&reply](std::string_view text) {
        return reply.body.find(text) != std::string::npos;
    };
    CHECK(has("Content-Type: application/json\r\n\r\n{\"_id\":\"a\""));
    CHECK(has("X-Doc-Id: b\r\nX-Rev-Id: 1-"));
    CHECK(has("Content-Type: image/png\r\nContent-Length: 6\r\n\r\npixels\r\n--"));
    CHECK(has("error=\"true\"\r\n\r\n{\"rev\":\"undefined\""));
    CHECK(reply.body.ends_with("--\r\n"));
}

}  // namespace divan::server
