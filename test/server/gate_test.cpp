// What dispatch does before and after handlers, seen from outside: limits, requests from other
// sites, headers, the audit log.
#include <doctest/doctest.h>

#include <array>
#include <initializer_list>

#include "server/config/config.h"
#include "server/cross_site.h"
#include "storage/base/digest.h"
#include "storage/base/json.h"
#include "test/support/test_server.h"

namespace divan::server {
namespace {

using test::TestServer;

Cors cors_of(std::initializer_list<std::array<const char*, 3>> values) {
    Config config;
    for (const auto& [section, key, value] : values) config.set(section, key, value, false).value();
    return Cors(config);
}

}  // namespace

TEST_CASE("limits: more requests than allowed are answered with 429 and Retry-After") {
    TestServer server("[rate_limit]\nrequests = 3/900\n");
    for (int i = 0; i < 3; ++i) CHECK(server.get("/").status == 200);
    const auto refused = server.get("/");
    CHECK(refused.status == 429);
    CHECK(refused.header("retry-after") == "300");
    CHECK(parse_json(refused.body).value().find("error")->string() == "too_many_requests");
}

TEST_CASE("limits: behind a trusted proxy clients are counted one by one") {
    TestServer server("[rate_limit]\nrequests = 1/900\n[chttpd]\ntrusted_proxies = 127.0.0.1\n");
    const auto ask = [&](const char* client) {
        return server.request("GET", "/", "", {{"X-Forwarded-For", client}}).status;
    };
    CHECK(ask("192.0.2.1") == 200);
    CHECK(ask("192.0.2.1") == 429);
    CHECK(ask("192.0.2.2") == 200);
}

TEST_CASE("limits: failed sign-ins of an address, whatever accounts it tries and however") {
    const auto basic = [](const std::string& name) {
        return test::Headers{{"Authorization", "Basic " + base64_encode(name + ":guess")}};
    };
    const auto form = test::Headers{{"Authorization", ""},
                                    {"Content-Type", "application/x-www-form-urlencoded"}};
    TestServer server("[chttpd_auth]\niterations = 10\n[rate_limit]\nsign_in_address = 4/900\n");
    CHECK(server.get("/_all_dbs").status == 200);  // the admin's password is remembered from now on
    for (const char* name : {"a", "b"}) {
        CHECK(server.request("GET", "/", {}, basic(name)).status == 401);
        const auto body = std::string("name=") + name + "x&password=guess";
        CHECK(server.request("POST", "/_session", body, form).status == 401);
    }
    const auto refused = server.request("GET", "/", {}, basic("c"));
    CHECK(refused.status == 429);
    CHECK(refused.header("retry-after") == "225");
    CHECK(server.request("POST", "/_session", "name=c&password=guess", form).status == 429);
    CHECK(server.get("/_all_dbs").status == 200);
}

TEST_CASE("limits: failed sign-ins to an account, wherever they come from, known or not") {
    TestServer server("[chttpd_auth]\niterations = 10\n[chttpd]\ntrusted_proxies = 127.0.0.1\n"
                      "[rate_limit]\nsign_in_account = 3/900\n");
    for (const char* name : {"admin", "nobody"}) {
        CAPTURE(name);
        const auto ask = [&](const char* address) {
            return server.request(
                "GET", "/", {},
                {{"Authorization", "Basic " + base64_encode(std::string(name) + ":guess")},
                 {"X-Forwarded-For", address}});
        };
        for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
            CHECK(ask(address).status == 401);
        }
        CHECK(ask("192.0.2.4").status == 429);
    }
}

TEST_CASE("limits: requests of an address to register") {
    TestServer server("[rate_limit]\nregistration_address = 2/900\n");
    const auto ask = [&] { return server.post("/_passkey/register/options", "{}").status; };
    CHECK(ask() != 429);
    CHECK(ask() != 429);
    CHECK(ask() == 429);
    CHECK(server.get("/").status == 200);
}

TEST_CASE("requests from other sites: what changes something needs a known origin") {
    const Cors closed = cors_of({});
    const Cors open = cors_of({{"chttpd", "enable_cors", "true"}, {"cors", "origins", "*"}});
    const Cors trusting = cors_of({{"chttpd", "enable_cors", "true"},
                                   {"cors", "origins", "https://app.example"},
                                   {"cors", "credentials", "true"}});
    const Identity cookie{"u", {}, "cookie"};
    const Identity basic{"u", {}, "default"};
    const Identity nobody;
    struct Case {
        const char* method;
        const Identity& who;
        const Cors& cors;
        const char* origin;
        const char* site;
        bool allowed;
    };
    const char* const app = "https://app.example";
    const Case cases[] = {
        // Programs that are no browsers.
        {"POST", cookie, closed, "", "", true},
        {"DELETE", basic, closed, "", "", true},
        // The server's own pages, also where a proxy has taken TLS off.
        {"POST", cookie, closed, "http://db.example:5984", "", true},
        {"POST", cookie, closed, "https://db.example:5984", "", true},
        {"POST", cookie, closed, app, "same-origin", true},
        {"POST", cookie, closed, "", "none", true},
        // Pages of others.
        {"POST", cookie, closed, app, "", false},
        {"PUT", cookie, closed, "null", "", false},
        {"DELETE", cookie, closed, "http://db.example", "", false},
        {"POST", cookie, closed, "http://evil-db.example:5984", "", false},
        {"POST", cookie, closed, app, "cross-site", false},
        {"POST", cookie, closed, "", "cross-site", false},
        {"POST", cookie, closed, app, "same-site", false},
        {"POST", basic, closed, app, "cross-site", false},
        {"POST", nobody, closed, app, "cross-site", false},
        {"POST", basic, closed, app, "", true},
        // Looking changes nothing.
        {"GET", cookie, closed, app, "cross-site", true},
        {"OPTIONS", cookie, closed, app, "", true},
        // Origins that are let in.
        {"POST", cookie, trusting, app, "cross-site", true},
        {"POST", cookie, trusting, "https://other.example", "cross-site", false},
        {"POST", cookie, open, app, "cross-site", false},
        {"POST", basic, open, app, "cross-site", true},
        {"POST", nobody, open, app, "cross-site", true},
    };
    for (const auto& row : cases) {
        Request request;
        request.method = row.method;
        request.headers.push_back({"host", "db.example:5984"});
        if (*row.origin) request.headers.push_back({"origin", row.origin});
        if (*row.site) request.headers.push_back({"sec-fetch-site", row.site});
        CAPTURE(row.method);
        CAPTURE(row.who.authenticated_by);
        CAPTURE(row.origin);
        CAPTURE(row.site);
        CHECK(check_cross_site(request, row.who, row.cors).has_value() == row.allowed);
    }
}

TEST_CASE("requests from other sites: a page that came in the clear is another than one by TLS") {
    const Cors closed = cors_of({});
    const Identity cookie{"u", {}, "cookie"};
    const auto allowed = [&](bool secure, const char* origin) {
        Request request;
        request.method = "POST";
        request.secure = secure;
        request.headers = {{"host", "db.example"}, {"origin", origin}};
        return check_cross_site(request, cookie, closed).has_value();
    };
    CHECK(allowed(true, "https://db.example"));
    CHECK_FALSE(allowed(true, "http://db.example"));
    CHECK(allowed(false, "http://db.example"));
    CHECK(allowed(false, "https://db.example"));  // a proxy took TLS off and does not say so
}

TEST_CASE("headers: every answer forbids guessing its type; the rest by settings") {
    TestServer server;
    CHECK(server.get("/").header("x-content-type-options") == "nosniff");
    CHECK(server.get("/%").header("x-content-type-options") == "nosniff");
    CHECK(server.get("/").header("x-frame-options").empty());
    CHECK(server.get("/").header("strict-transport-security").empty());

    const std::string config = "/_node/_local/_config/";
    server.put(config + "chttpd/enable_xframe_options", "\"true\"");
    CHECK(server.get("/").header("x-frame-options") == "DENY");
    server.put(config + "x_frame_options/same_origin", "\"true\"");
    CHECK(server.get("/").header("x-frame-options") == "SAMEORIGIN");
    server.put(config + "security_headers/strict_transport_security", "\"max-age=1\"");
    CHECK(server.get("/").header("strict-transport-security").empty());
    server.put(config + "chttpd/trusted_proxies", "\"127.0.0.1\"");
    CHECK(server.request("GET", "/", "", {{"X-Forwarded-Proto", "https"}})
              .header("strict-transport-security") == "max-age=1");
    server.put(config + "security_headers/nosniff", "\"false\"");
    CHECK(server.get("/").header("x-content-type-options").empty());
}

TEST_CASE("CVE-2021-38295: an attached HTML page runs in a sandbox") {
    TestServer server;
    server.create_database("db");
    server.request("PUT", "/db/doc/page.html", "<script>alert(1)</script>",
                   {{"Content-Type", "text/html"}});
    auto page = server.get("/db/doc/page.html");
    CHECK(page.header("content-type") == "text/html");
    CHECK(page.header("content-security-policy") == "sandbox");
    CHECK(page.header("x-content-type-options") == "nosniff");
    const auto part = server.request("GET", "/db/doc/page.html", "", {{"Range", "bytes=0-3"}});
    CHECK(part.header("content-security-policy") == "sandbox");

    server.put("/_node/_local/_config/csp/attachments_header_value", "\"default-src 'none'\"");
    CHECK(server.get("/db/doc/page.html").header("content-security-policy") ==
          "default-src 'none'");
    server.put("/_node/_local/_config/csp/attachments_enable", "\"false\"");
    CHECK(server.get("/db/doc/page.html").header("content-security-policy").empty());
}

}  // namespace divan::server
