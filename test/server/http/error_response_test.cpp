#include "server/http/error_response.h"

#include <doctest/doctest.h>

namespace divan::server {
namespace {

Response unauthorized(const LoginHints& hints, std::vector<Header> headers) {
    Request request;
    parse_target("/_all_dbs", request).value();
    request.headers = std::move(headers);
    request.headers.push_back({"host", "h"});
    auto response = refusal(Code::unauthorized, "You are not a server admin.");
    complete_refusal(request, hints, response);
    return response;
}

}  // namespace

TEST_CASE("refusals: status, name and reason come from the table unless the error has its own") {
    CHECK(refusal(Code::not_found).body ==
          "{\"error\":\"not_found\",\"reason\":\"missing\"}\n");
    CHECK(refusal(Code::database_exists).status == 412);
    const auto own = refusal(Error{Code::conflict, "no \"such\" rev", "not_found"});
    CHECK(own.status == 409);
    CHECK(own.body == "{\"error\":\"not_found\",\"reason\":\"no \\\"such\\\" rev\"}\n");
    CHECK(*own.header("content-type") == "application/json");
}

TEST_CASE("401: a browser is led to the login page, the JSON body stays") {
    LoginHints hints;
    hints.redirect = "/_utils/session.html";
    const auto response = unauthorized(hints, {{"accept", "text/html,application/xml;q=0.9"}});
    CHECK(response.status == 302);
    CHECK(*response.header("location") ==
          "http://h/_utils/session.html?return=%2F_all_dbs&reason="
          "You%20are%20not%20a%20server%20admin.");
    CHECK(response.body ==
          "{\"error\":\"unauthorized\",\"reason\":\"You are not a server admin.\"}\n");

    for (const char* accept : {"*/*", "application/json, text/html", "text/plain", "garbage", "",
                               "text/*;q=0", "text/html;q=0"}) {
        CAPTURE(accept);
        CHECK(unauthorized(hints, {{"accept", accept}}).status == 401);
    }
    CHECK(unauthorized(hints, {}).status == 401);
}

TEST_CASE("401: WWW-Authenticate comes from the request, the setting, or required logins") {
    LoginHints hints;
    hints.redirect = "/_utils/session.html";
    CHECK(unauthorized(hints, {}).header("www-authenticate") == nullptr);
    const auto asked = unauthorized(
        hints, {{"accept", "text/html"}, {"x-couchdb-www-authenticate", "Cookie"}});
    CHECK(asked.status == 401);
    CHECK(*asked.header("www-authenticate") == "Cookie");

    hints.require_valid_user = true;
    CHECK(*unauthorized(hints, {}).header("www-authenticate") == "Basic realm=\"server\"");
    hints.www_authenticate = "Basic realm=\"mine\"";
    CHECK(*unauthorized(hints, {}).header("www-authenticate") == "Basic realm=\"mine\"");
}

}  // namespace divan::server
