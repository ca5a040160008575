#include "server/handlers/documents/local_docs.h"

#include <doctest/doctest.h>

#include "storage/database/read_view.h"
#include "test/server/handlers/handler_host.h"

namespace divan::server {
namespace {

Reply ask(HandlerHost& host, Handler handler, std::string target, std::string body = "",
          std::vector<Header> headers = {}) {
    HandlerHost::Sent sent;
    sent.target = std::move(target);
    sent.body = std::move(body);
    sent.headers = std::move(headers);
    return host.call(handler, std::move(sent));
}

std::string ok(std::string_view id, std::string_view rev) {
    return R"({"ok":true,"id":")" + std::string(id) + R"(","rev":")" + std::string(rev) + "\"}\n";
}

}  // namespace

TEST_CASE("a local document's revision is the one sent, plus one") {
    HandlerHost host;
    const std::string path = "/db/_local/a";
    CHECK(ask(host, get_local_doc, path).status == 404);
    CHECK(ask(host, put_local_doc, path, R"({"v":1})").body == ok("_local/a", "0-1"));
    CHECK(ask(host, put_local_doc, path, R"({"v":2})").body == ok("_local/a", "0-1"));
    CHECK(ask(host, put_local_doc, path, R"({"_rev":"0-7","v":3})").body == ok("_local/a", "0-8"));
    CHECK(ask(host, put_local_doc, path + "?rev=0-2", R"({"v":4})").body == ok("_local/a", "0-3"));
    CHECK(ask(host, put_local_doc, path, R"({"v":5})", {{"if-match", "\"0-4\""}}).body ==
          ok("_local/a", "0-5"));
    CHECK(ask(host, get_local_doc, path).body ==
          "{\"_id\":\"_local/a\",\"_rev\":\"0-5\",\"v\":5}\n");
    CHECK(ask(host, get_local_doc, path + "?revs=true&conflicts=true").body ==
          R"({"_id":"_local/a","_rev":"0-5","v":5,"_revisions":{"start":0,"ids":["5"]}})"
          "\n");
    CHECK(host.database().state().update_sequence.value == 0);
}

TEST_CASE("a local document has no revision that could be asked for, and needs none to go") {
    HandlerHost host;
    ask(host, put_local_doc, "/db/_local/a", "{}");
    CHECK(ask(host, get_local_doc, "/db/_local/a?rev=0-1").status == 404);
    CHECK(ask(host, delete_local_doc, "/db/_local/a").body == ok("_local/a", "0-0"));
    CHECK(ask(host, delete_local_doc, "/db/_local/a?rev=0-1").status == 404);
    CHECK(ask(host, get_local_doc, "/db/_local/a").status == 404);
}

TEST_CASE("a local document is found by both spellings of its path, and has no attachments") {
    HandlerHost host;
    CHECK(ask(host, put_local_doc, "/db/_local/x%2Fy", "{}").body == ok("_local/x/y", "0-1"));
    CHECK(ask(host, get_local_doc, "/db/_local%2Fx%2Fy").status == 200);
    CHECK(ask(host, get_local_doc, "/db/_local/x/y").body ==
          "{\"error\":\"bad_request\",\"reason\":\"_local documents do not accept "
          "attachments.\"}\n");
    for (const std::string path : {"/db/_local", "/db/_local%2F"}) {
        CAPTURE(path);
        CHECK(ask(host, get_local_doc, path).body ==
              "{\"error\":\"bad_request\",\"reason\":\"Invalid _local document id.\"}\n");
    }
    CHECK(ask(host, put_local_doc, "/db/_local/att", R"({"_attachments":{"a":{"data":"eA=="}}})")
              .status == 201);
    CHECK(ask(host, get_local_doc, "/db/_local/att").body ==
          "{\"_id\":\"_local/att\",\"_rev\":\"0-1\"}\n");
}

TEST_CASE("a local document refuses revisions of another sort, and bad members") {
    HandlerHost host;
    for (const std::string bad : {R"({"_rev":"nonsense"})", R"({"_rev":"1-abc"})",
                                  R"({"_rev":"0-x"})", R"({"_bad":1})", "[]", ""}) {
        CAPTURE(bad);
        CHECK(ask(host, put_local_doc, "/db/_local/z", bad).status == 400);
    }
    CHECK(ask(host, get_local_doc, "/db/_local/z").status == 404);
}

TEST_CASE("a local document is copied to local and ordinary ids") {
    HandlerHost host;
    ask(host, put_local_doc, "/db/_local/a", R"({"n":1})");
    CHECK(ask(host, copy_local_doc, "/db/_local/a", "", {{"destination", "_local/b"}}).body ==
          ok("_local/b", "0-1"));
    CHECK(ask(host, copy_local_doc, "/db/_local/a", "", {{"destination", "_local/b?rev=0-1"}})
              .body ==
          ok("_local/b", "0-2"));
    CHECK(ask(host, copy_local_doc, "/db/_local/a", "", {{"destination", "plain"}}).body ==
          ok("plain", "1-731bef401491606a3b246ed178e697c1"));
    CHECK(ask(host, copy_local_doc, "/db/_local/a").status == 400);
    CHECK(ask(host, copy_local_doc, "/db/_local/no", "", {{"destination", "x"}}).status == 404);
}

}  // namespace divan::server
