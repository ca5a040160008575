// The pages at /_account as files; test/end_to_end/account.mjs uses them in a browser.

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "server/handlers/sign_in/account_files.h"
#include "test/support/test_server.h"

namespace divan::test {
namespace {

const Headers nobody = {{"Authorization", ""}};

/// What stands between `open` and the next `close`, everywhere in `text`.
std::set<std::string> all_between(std::string_view text, std::string_view open,
                                  std::string_view close) {
    std::set<std::string> found;
    for (auto at = text.find(open); at != std::string_view::npos; at = text.find(open, at)) {
        at += open.size();
        found.emplace(text.substr(at, text.find(close, at) - at));
    }
    return found;
}

}  // namespace

TEST_CASE("the account pages are there for anyone, whatever else needs a login") {
    TestServer server("[chttpd]\nrequire_valid_user = true\n");
    CHECK(server.request("GET", "/", {}, nobody).status == 401);
    for (const char* target : {"/_account", "/_account?next=/app", "/_account/account.js"}) {
        CAPTURE(target);
        CHECK(server.request("GET", target, {}, nobody).status == 200);
        CHECK(server.request("HEAD", target, {}, nobody).status == 200);
        CHECK(server.request("POST", target, {}, nobody).status == 405);
    }
    for (const char* target : {"/_account/missing", "/_account/..%2fLICENSE"}) {
        CAPTURE(target);
        CHECK(server.request("GET", target, {}, nobody).status == 404);
    }
}

TEST_CASE("every account page forbids what is inline or from elsewhere, and is asked for again") {
    TestServer server;
    for (const auto& file : server::account_files()) {
        CAPTURE(file.name);
        const auto target = "/_account/" + std::string(file.name);
        const auto reply = server.get(target);
        CHECK(reply.status == 200);
        CHECK(reply.body == file.bytes);
        CHECK(reply.body.size() > 100);
        CHECK(reply.header("content-type") == file.content_type);
        CHECK(reply.header("content-security-policy") ==
              "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
              "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
        CHECK(reply.header("x-content-type-options") == "nosniff");
        CHECK(reply.header("cache-control") == "no-cache");
        const auto again = server.request("GET", target, {},
                                          {{"If-None-Match", reply.header("etag")}});
        CHECK(again.status == 304);
        CHECK(again.body.empty());
    }
    CHECK(server.get("/_account").body == server.get("/_account/index.html").body);
}

TEST_CASE("the account page has nothing inline, and all it names is there") {
    TestServer server;
    const auto page = server.get("/_account").body;
    for (const char* inline_part : {"<script>", "<style", " style=", " onclick", "javascript:"}) {
        CAPTURE(inline_part);
        CHECK(page.find(inline_part) == std::string::npos);
    }
    auto named = all_between(page, "\"_account/", "\"");
    CHECK(named.size() >= 3);
    for (const auto& file : server::account_files()) {
        named.merge(all_between(file.bytes, " from './", "'"));
    }
    for (const auto& name : named) {
        CAPTURE(name);
        CHECK(server.get("/_account/" + name).status == 200);
    }
}

TEST_CASE("every element that the account script asks for is in the page") {
    TestServer server;
    const auto ids = all_between(server.get("/_account").body, "id=\"", "\"");
    const auto script =
        server.get("/_account/account.js").body + server.get("/_account/page.js").body;
    auto asked = all_between(script, "$('", "'");
    asked.merge(all_between(script, "  on('", "'"));
    CHECK(asked.size() > 30);
    for (const auto& id : asked) {
        CAPTURE(id);
        CHECK(ids.contains(id));
    }
}

}  // namespace divan::test
