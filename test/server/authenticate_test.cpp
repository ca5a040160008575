#include "server/authenticate.h"

#include <doctest/doctest.h>

#include "test/support/test_server.h"

namespace divan::server {
namespace {

using test::Headers;
using test::TestServer;

const Headers nobody = {
    {"Authorization", ""}
};

using Ways = std::vector<SignIn>;

}  // namespace

TEST_CASE("authenticate: handlers are read from CouchDB's lists of Erlang tuples") {
    CHECK(parse_handlers("{chttpd_auth, cookie_authentication_handler}, "
                         "{chttpd_auth, default_authentication_handler}") ==
          Ways{SignIn::cookie, SignIn::basic});
    CHECK(parse_handlers("[{chttpd_auth,default_authentication_handler},\n"
                         "{chttpd_auth , cookie_authentication_handler }]") ==
          Ways{SignIn::basic, SignIn::cookie});
    CHECK(parse_handlers("{couch_httpd_auth, default_authentication_handler}") ==
          Ways{SignIn::basic});
}

TEST_CASE("authenticate: unknown and repeated handlers are left out") {
    CHECK(parse_handlers("").empty());
    CHECK(parse_handlers("{").empty());
    CHECK(parse_handlers("}{,").empty());
    CHECK(parse_handlers("{chttpd_auth, null_authentication_handler}").empty());
    CHECK(
        parse_handlers("{a, default_authentication_handler},{b, default_authentication_handler}") ==
        Ways{SignIn::basic});
}

TEST_CASE("authenticate: the list of handlers counts at once") {
    TestServer server;
    const auto key = "/_node/_local/_config/chttpd/authentication_handlers";
    CHECK(server.get("/_all_dbs").status == 200);
    CHECK(server.put(key, R"("{chttpd_auth, cookie_authentication_handler}")").status == 200);
    CHECK(server.get("/_all_dbs").status == 401);
}

TEST_CASE("CVE-2020-1955: require_valid_user_except_for_up opens /_up and nothing else") {
    TestServer server("[chttpd]\nrequire_valid_user_except_for_up = true\n");
    CHECK(server.request("GET", "/_up", {}, nobody).status == 200);
    for (const auto* path : {"/", "/_session", "/_all_dbs", "/_users", "/_up/x", "/_uuids"}) {
        CAPTURE(path);
        CHECK(server.request("GET", path, {}, nobody).status == 401);
    }
    CHECK(server.get("/").status == 200);
}

TEST_CASE("authenticate: require_valid_user closes all but signing in") {
    TestServer server("[chttpd]\nrequire_valid_user = true\n");
    for (const auto* path : {"/", "/_session", "/_up"}) {
        CAPTURE(path);
        const auto reply = server.request("GET", path, {}, nobody);
        CHECK(reply.status == 401);
        CHECK(reply.header("www-authenticate") == "Basic realm=\"server\"");
    }
    CHECK(server.request("POST", "/_session/x", {}, nobody).status == 401);
}

}  // namespace divan::server
