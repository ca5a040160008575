// CVE-2010-2234: pages of other sites must not act in the name of whoever looks at them.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "server/config/config.h"
#include "server/cross_site.h"
#include "server/routes.h"
#include "test/support/test_server.h"

namespace divan::server {
namespace {

using test::TestServer;

// What a form can send without being asked for permission first.
constexpr const char* form_types[] = {"text/plain", "Application/X-WWW-Form-urlencoded ;a=b",
                                      "multipart/form-data; boundary=x"};

std::string address_of(std::string_view pattern) {
    std::string address;
    while (!pattern.empty()) {
        const auto open = std::min(pattern.find('{'), pattern.size());
        address += pattern.substr(0, open);
        pattern.remove_prefix(open);
        if (pattern.empty()) break;
        const auto close = pattern.find('}');
        const auto name = pattern.substr(1, close - 1);
        address += name == "db" ? "db" : name == "node" ? "_local" : "x";
        pattern.remove_prefix(close + 1);
    }
    return address;
}

// Forms are what these are for: signing in, a document's upload, an application's own functions.
bool takes_forms(std::string_view pattern) {
    return pattern == "/_session" || pattern == "/{db}/{doc}" ||
           pattern.starts_with("/{db}/_design/");
}

}  // namespace

TEST_CASE("CVE-2010-2234: with a cookie no address takes what forms send, but those made for it") {
    const Cors closed{Config()};
    const Identity user{"user", {"_admin"}, "cookie"};
    for (const auto& route : routes()) {
        if (route.method != "POST") continue;
        CAPTURE(route.pattern);
        for (const char* type : form_types) {
            CAPTURE(type);
            Request request;
            request.method = "POST";
            parse_target(address_of(route.pattern), request).value();
            request.headers = {{"host", "db.example"}, {"content-type", type}};
            const auto checked = check_cross_site(request, user, closed);
            CHECK(checked.has_value() == takes_forms(route.pattern));
        }
    }
}

TEST_CASE("CVE-2010-2234: a form cannot write documents, with or without a cookie") {
    TestServer server;
    server.create_database("db");
    for (const char* address : {"/db", "/db/_bulk_docs", "/db/_purge", "/db/_index"}) {
        for (const char* type : form_types) {
            CAPTURE(address);
            CAPTURE(type);
            CHECK(server.request("POST", address, R"({"docs":[{"_id":"evil"}]})",
                                 {{"Content-Type", type}})
                      .status == 415);
        }
    }
}

TEST_CASE("CVE-2010-2234: a page of another site is refused, with any method that changes things") {
    TestServer server;
    server.create_database("db");
    for (const char* method : {"POST", "PUT", "DELETE", "COPY"}) {
        CAPTURE(method);
        const auto reply = server.request(method, "/db/doc", "{}",
                                          {{"Content-Type", "application/json"},
                                           {"Origin", "https://evil.example"},
                                           {"Sec-Fetch-Site", "cross-site"}});
        CHECK(reply.status == 403);
    }
    CHECK(server.get("/db/doc").status == 404);
}

}  // namespace divan::server
