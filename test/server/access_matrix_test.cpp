#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "server/routes.h"
#include "storage/base/digest.h"
#include "storage/base/json.h"
#include "test/server/access_expectations.h"
#include "test/support/test_server.h"

// Every route × {anonymous, user, member, database admin, server admin} × {open, secured database}
// × {login required or not}. The rows below say who may call what, apart from the table of routes
// itself: a route that is not listed here fails, and so does one that lets others in.

namespace divan::server {
namespace {

using test::Headers;
using test::Reply;
using test::TestServer;

enum class Caller : std::uint8_t { anonymous, user, member, database_admin, server_admin };

struct Situation {
    Caller caller;
    bool secured;
    bool login_required;
};

constexpr const char* closed_security =
    R"({"admins":{"names":["dba"],"roles":[]},"members":{"names":["member"],"roles":[]}})";
constexpr const char* open_security = R"({"admins":{"names":["dba"],"roles":[]},"members":{}})";

constexpr std::string_view login_needed = "Authentication required.";
constexpr std::string_view not_signed_in = "You are not an authenticated user";
constexpr std::string_view not_server_admin = "You are not a server admin.";
constexpr std::string_view not_metrics = "You are not a server admin or read-only metrics user";
constexpr std::string_view unknown_in_db = "You are not authorized to access this db.";
constexpr std::string_view stranger_in_db = "You are not allowed to access this db.";
constexpr std::string_view not_db_admin = "You are not a db or server admin.";
constexpr std::string_view not_maintainer = "You are not a server or db admin.";

/// Why the caller is turned away; empty where the request reaches its handler.
std::string_view refusal_for(Who who, const Situation& now) {
    const auto caller = now.caller;
    if (who == Who::anyone || caller == Caller::server_admin) return {};
    if (who == Who::inviter) return not_server_admin;
    const bool needed = now.login_required || who == Who::oneself;
    if (needed && caller == Caller::anonymous) return login_needed;
    if (who == Who::signed_in) return caller == Caller::anonymous ? not_signed_in : "";
    if (who == Who::visitor || who == Who::oneself) return {};
    if (who == Who::server_admin) return not_server_admin;
    if (who == Who::metrics) return not_metrics;
    if (now.secured && caller == Caller::anonymous) return unknown_in_db;
    if (now.secured && caller == Caller::user) return stranger_in_db;
    if (who == Who::member || caller == Caller::database_admin) return {};
    return who == Who::maintainer ? not_maintainer : not_db_admin;
}

/// Why the answer turns the caller away, in the words of dispatch; empty for any other answer.
std::string refusal_in(const Reply& reply) {
    static const std::set<std::string, std::less<>> known = {
        std::string(login_needed),   std::string(not_server_admin), std::string(not_metrics),
        std::string(unknown_in_db),  std::string(stranger_in_db),   std::string(not_db_admin),
        std::string(not_maintainer), std::string(not_signed_in),
    };
    if (reply.status != 401 && reply.status != 403) return {};
    const auto body = parse_json(reply.body).value();
    const auto* reason = body.find("reason");
    return reason && known.contains(reason->string()) ? reason->string() : std::string();
}

std::string name_of(const Route& route) {
    return std::string(route.method) + " " + std::string(route.pattern);
}

std::string value_for(std::string_view name, bool secured) {
    if (name == "db") return secured ? "closed" : "open";
    if (name == "node") return "_local";
    if (name == "section") return "matrix";
    return "x";
}

std::string target_of(const Route& route, bool secured) {
    std::string target;
    std::string_view rest = route.pattern;
    while (!rest.empty()) {
        const auto brace = std::min(rest.find('{'), rest.size());
        target += rest.substr(0, brace);
        rest.remove_prefix(brace);
        if (rest.empty()) break;
        const auto end = rest.find_first_of(".}");
        target += value_for(rest.substr(1, end - 1), secured);
        rest.remove_prefix(rest.find('}') + 1);
    }
    return target;
}

Headers headers_of(Caller caller) {
    const auto basic = [](std::string_view credentials) -> Headers {
        return {{"Authorization", "Basic " + base64_encode(credentials)},
                {"Content-Type", "application/json"}};
    };
    switch (caller) {
        case Caller::anonymous:
            return {{"Authorization", ""}, {"Content-Type", "application/json"}};
        case Caller::user: return basic("user:pw");
        case Caller::member: return basic("member:pw");
        case Caller::database_admin: return basic("dba:pw");
        case Caller::server_admin: break;
    }
    return basic("admin:secret");
}

struct Fixture {
    Fixture() {
        for (const std::string name : {"user", "member", "dba"}) {
            const auto made = server.put("/_users/org.couchdb.user:" + name,
                                         R"({"type":"user","roles":[],"password":"pw","name":")" +
                                             name + "\"}");
            REQUIRE(made.status == 201);
        }
        restore();
    }

    /// Both databases as they have to be, whatever a request did to them.
    void restore() {
        server.put("/open");
        server.put("/closed");
        REQUIRE(server.put("/open/_security", open_security).status == 200);
        REQUIRE(server.put("/closed/_security", closed_security).status == 200);
    }

    Reply call(const Route& route, const Situation& now) {
        // A row without a method is there for the methods that the path has no other row for.
        std::string_view method = route.method == any_method ? "PUT" : route.method;
        if (method.empty()) method = "LOCK";
        const std::string body = method == "GET" ? "" : "{}";
        auto reply = server.request(method, target_of(route, now.secured), body,
                                    headers_of(now.caller));
        const bool changes = route.pattern == "/{db}" || route.pattern == "/{db}/_security";
        if (changes && reply.status < 300 && route.method != "GET") restore();
        return reply;
    }

    TestServer server{"[rate_limit]\nsign_in_address =\nsign_in_account =\n"
                      "registration_address =\n"};
};

const Expectation* expectation_for(const Route& route) {
    const auto name = name_of(route);
    for (const auto& row : expectations()) {
        if (row.route == name) return &row;
    }
    return nullptr;
}

}  // namespace

TEST_CASE("access: every route has a row in access_expectations.cpp, and every row a route") {
    std::set<std::string, std::less<>> names;
    for (const auto& route : routes()) {
        names.insert(name_of(route));
        CAPTURE(name_of(route));
        CHECK_MESSAGE(expectation_for(route), "say in access_expectations.cpp who may call it");
    }
    for (const auto& row : expectations()) {
        CAPTURE(row.route);
        CHECK(names.contains(row.route));
    }
}

TEST_CASE_FIXTURE(Fixture, "access: every route × who asks × whose database × login required") {
    for (const bool login_required : {false, true}) {
        const auto set = server.put("/_node/_local/_config/chttpd/require_valid_user",
                                    login_required ? "\"true\"" : "\"false\"");
        REQUIRE(set.status == 200);
        for (const auto& route : routes()) {
            const auto* expected = expectation_for(route);
            if (!expected) continue;
            for (const bool secured : {false, true}) {
                for (const Caller caller : {Caller::anonymous, Caller::user, Caller::member,
                                            Caller::database_admin, Caller::server_admin}) {
                    const Situation now{caller, secured, login_required};
                    CAPTURE(name_of(route));
                    CAPTURE(static_cast<int>(caller));
                    CAPTURE(secured);
                    CAPTURE(login_required);
                    CHECK(refusal_in(call(route, now)) == refusal_for(expected->who, now));
                }
            }
        }
    }
}

}  // namespace divan::server
