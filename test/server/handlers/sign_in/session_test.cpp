#include "server/handlers/sign_in/session.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>

#include "auth/password.h"
#include "storage/base/json.h"
#include "test/support/test_server.h"

namespace divan::server {
namespace {

using test::Headers;
using test::Reply;
using test::TestServer;

const Headers nobody = {{"Authorization", ""}};
const std::string right = R"({"name":"admin","password":"secret"})";
const char* const quick_hashes = "[chttpd_auth]\niterations = 10\n";
const std::string wrong = R"({"name":"admin","password":"other"})";

Headers with_cookie(const std::string& cookie) {
    return {{"Authorization", ""}, {"Cookie", cookie}};
}

Headers with_token(const std::string& token) {
    return {{"Authorization", "Bearer " + token}};
}

Reply post_json(TestServer& server, std::string_view path, std::string_view body,
                Headers headers = nobody) {
    headers.emplace_back("Content-Type", "application/json");
    return server.request("POST", path, body, headers);
}

/// The cookie of an answer, as a browser sends it back.
std::string cookie_in(const Reply& reply) {
    const auto sent = reply.header("set-cookie");
    return sent.substr(0, sent.find(';'));
}

std::string sign_in(TestServer& server) {
    const auto reply = post_json(server, "/_session", right);
    CHECK(reply.status == 200);
    CHECK(reply.body == "{\"ok\":true,\"name\":\"admin\",\"roles\":[\"_admin\"]}\n");
    return cookie_in(reply);
}

std::string sign_in(TestServer& server, const std::string& name) {
    const auto body = R"({"name":")" + name + R"(","password":"secret"})";
    const auto reply = post_json(server, "/_session", body);
    CHECK(reply.status == 200);
    return cookie_in(reply);
}

/// Writes the document of a user with the password "secret", or with what `members` say.
Reply make_user(TestServer& server, const std::string& name,
                const std::string& members = R"("password":"secret",)") {
    const auto reply = server.put("/_users/org.couchdb.user:" + name,
                                  R"({"type":"user","name":")" + name + R"(",)" + members +
                                      R"("roles":[]})");
    CHECK(reply.status == 201);
    return reply;
}

/// Ann's document as it is, but for `roles`.
std::string without_password(TestServer& server, std::string_view roles) {
    auto text = server.get("/_users/org.couchdb.user:ann").body;
    const std::string_view none = R"("roles":[])";
    return text.replace(text.find(none), none.size(), roles);
}

double process_seconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string member(const Reply& reply, std::string_view name) {
    return parse_json(reply.body).value().find(name)->string();
}

std::string who_is(TestServer& server, const Headers& headers) {
    const auto reply = server.request("GET", "/_session", {}, headers);
    const auto body = parse_json(reply.body).value();
    const auto* user = body.find("userCtx");
    return user == nullptr ? std::to_string(reply.status) : user->find("name")->string();
}

}  // namespace

TEST_CASE("session: a password gives a cookie, and the cookie stands for it") {
    TestServer server;
    const auto reply = post_json(server, "/_session", right);
    const auto set = reply.header("set-cookie");
    CHECK(set.starts_with("AuthSession="));
    CHECK(set.find("; Version=1; Expires=") != std::string::npos);
    CHECK(set.ends_with("; Max-Age=600; Path=/; HttpOnly"));
    const auto cookie = cookie_in(reply);
    CHECK(server.request("GET", "/_session", {}, with_cookie(cookie)).body ==
          R"({"ok":true,"userCtx":{"name":"admin","roles":["_admin"]},"info":)"
          R"({"authentication_handlers":["cookie","default"],"authenticated":"cookie"}})"
          "\n");
    CHECK(server.request("GET", "/_all_dbs", {}, with_cookie(cookie)).status == 200);
    CHECK(server.request("GET", "/_all_dbs", {}, with_cookie("a=1; " + cookie + "; b=2")).status ==
          200);
    server.restart();
    CHECK(server.request("GET", "/_all_dbs", {}, with_cookie(cookie)).status == 200);
}

TEST_CASE("session: where a trusted proxy took TLS off, cookies are Secure") {
    const auto cookies_are_secure = [](const char* ini, const char* protocol) {
        TestServer server(std::string("[passkeys]\nrp_id = db.example\n") + ini);
        const Headers by_proxy = {{"Authorization", ""}, {"X-Forwarded-Proto", protocol}};
        const auto session = post_json(server, "/_session", right, by_proxy);
        const auto ceremony = post_json(server, "/_passkey/signin/options", "{}", by_proxy);
        CHECK(session.status == 200);
        CHECK(ceremony.status == 200);
        const auto is_secure = [](const Reply& reply) {
            return reply.header("set-cookie").find("; Secure") != std::string::npos;
        };
        CHECK(is_secure(session) == is_secure(ceremony));
        return is_secure(session);
    };
    constexpr const char* trusted = "[chttpd]\ntrusted_proxies = 127.0.0.1\n";
    CHECK(cookies_are_secure(trusted, "https"));
    CHECK_FALSE(cookies_are_secure(trusted, "http"));
    CHECK_FALSE(cookies_are_secure("", "https"));
}

TEST_CASE("session: a wrong password takes the cookie back") {
    TestServer server;
    const auto reply = post_json(server, "/_session", wrong);
    CHECK(reply.status == 401);
    CHECK(reply.body ==
          "{\"error\":\"unauthorized\",\"reason\":\"Name or password is incorrect.\"}\n");
    CHECK(reply.header("set-cookie").starts_with("AuthSession=; Version=1; "));
    CHECK(post_json(server, "/_session?fail=/again", wrong).status == 302);
}

TEST_CASE("session: signing out ends the session, wherever its cookie is") {
    TestServer server;
    const auto here = sign_in(server), there = sign_in(server);
    const auto out = server.request("DELETE", "/_session", {}, with_cookie(here));
    CHECK(out.status == 200);
    CHECK(out.header("set-cookie").starts_with("AuthSession=; "));
    CHECK(server.request("GET", "/_all_dbs", {}, with_cookie(here)).status == 401);
    CHECK(server.request("GET", "/_all_dbs", {}, with_cookie(there)).status == 200);
}

TEST_CASE("session: bodies that are no sign-in are refused") {
    TestServer server;
    struct Row {
        const char* type;
        const char* body;
        int status;
    };
    constexpr Row table[] = {
        {"application/json", "{", 400},
        {"application/json", "[]", 400},
        {"application/json", "{}", 400},
        {"application/json", R"({"name":1,"password":"x"})", 400},
        {"application/json", R"({"name":"a","username":"b","password":"x"})", 400},
        {"application/x-www-form-urlencoded", "", 400},
        {"application/x-www-form-urlencoded", "name=%zz&password=x", 401},
        {"application/x-www-form-urlencoded", "name=admin&password=secret", 200},
        {"application/x-www-form-urlencoded; charset=utf-8", "username=admin&password=secret", 200},
        {"text/plain", "name=admin&password=secret", 415},
        {"multipart/form-data", "name=admin&password=secret", 415},
    };
    for (const auto& row : table) {
        CAPTURE(row.body);
        const Headers headers = {{"Authorization", ""}, {"Content-Type", row.type}};
        CHECK(server.request("POST", "/_session", row.body, headers).status == row.status);
    }
    CHECK(server.request("POST", "/_session", std::string(1 << 20, 'x'),
                         {{"Authorization", ""},
                          {"Content-Type", "application/x-www-form-urlencoded"}})
              .status == 413);
}

TEST_CASE("session: next leads on, but only to this server") {
    TestServer server;
    const auto reply = post_json(server, "/_session?next=/there", right);
    CHECK(reply.status == 302);
    CHECK(reply.header("location").ends_with("/there"));
    for (const auto* path : {"", "there", "http://elsewhere.example/"}) {
        CHECK(post_json(server, std::string("/_session?next=") + path, right).status == 400);
    }
    CHECK(parse_json(server.get("/_session/list").body).value().find("sessions")->items().size() ==
          1);
}

TEST_CASE("session: one's own are listed, and revoked from elsewhere") {
    TestServer server;
    const auto here = sign_in(server), there = sign_in(server);
    const auto list = server.request("GET", "/_session/list", {}, with_cookie(here));
    const auto sessions = parse_json(list.body).value();
    const auto items = sessions.find("sessions")->items();
    REQUIRE(items.size() == 2);
    std::string other;
    for (const auto& item : items) {
        CHECK(item.find("user")->string() == "admin");
        CHECK(item.find("kind")->string() == "password");
        CHECK(item.find("address")->string() == "127.0.0.1");
        if (!item.find("current")->boolean()) other = item.find("id")->string();
    }
    const auto path = "/_session/list/" + other;
    CHECK(server.request("DELETE", path, {}, with_cookie(here)).status == 200);
    CHECK(server.request("DELETE", path, {}, with_cookie(here)).status == 404);
    CHECK(server.request("GET", "/_session/list", {}, with_cookie(there)).status == 401);
    CHECK(server.request("GET", "/_session/list", {}, with_cookie(here)).status == 200);
    CHECK(server.request("GET", "/_session/list", {}, nobody).status == 401);

    sign_in(server);
    const auto rest = server.request("DELETE", "/_session/list", {}, with_cookie(here));
    CHECK(rest.body == "{\"ok\":true,\"revoked\":1}\n");
    CHECK(server.request("GET", "/_session/list", {}, with_cookie(here)).status == 200);
}

TEST_CASE("session: an admin lists and revokes anyone's, others only their own") {
    TestServer server(quick_hashes);
    make_user(server, "ann"), make_user(server, "bob");
    const auto ann = sign_in(server, "ann"), bob = sign_in(server, "bob");
    CHECK(server.request("GET", "/_session/list?user=bob", {}, with_cookie(ann)).status == 403);
    CHECK(server.request("DELETE", "/_session/list?user=bob", {}, with_cookie(ann)).status == 403);
    const auto list = parse_json(server.get("/_session/list?user=bob").body).value();
    const auto items = list.find("sessions")->items();
    REQUIRE(items.size() == 1);
    CHECK_FALSE(items.front().find("current")->boolean());
    const auto path = "/_session/list/" + items.front().find("id")->string();
    CHECK(server.request("DELETE", path, {}, with_cookie(ann)).status == 404);
    CHECK(server.request("DELETE", path + "?user=bob", {}, with_cookie(ann)).status == 403);
    CHECK(who_is(server, with_cookie(bob)) == "bob");
    CHECK(server.del(path + "?user=bob").status == 200);
    CHECK(who_is(server, with_cookie(bob)).empty());
    CHECK(server.del("/_session/list?user=ann").body == "{\"ok\":true,\"revoked\":1}\n");
    CHECK(who_is(server, with_cookie(ann)).empty());
}

TEST_CASE("session: a new password ends all of them, cookies and tokens") {
    TestServer server(quick_hashes);
    const auto made = make_user(server, "ann");
    const auto cookie = sign_in(server, "ann");
    const auto pair = server.request("POST", "/_session/token", {}, with_cookie(cookie));
    const auto access = member(pair, "access_token");
    const auto refresh = R"({"refresh_token":")" + member(pair, "refresh_token") + R"("})";
    CHECK(who_is(server, with_token(access)) == "ann");
    // Whatever else changes, they go on.
    const auto roles = server.put("/_users/org.couchdb.user:ann",
                                  without_password(server, R"("roles":["nurse"])"));
    CHECK(roles.status == 201);
    CHECK(who_is(server, with_cookie(cookie)) == "ann");
    make_user(server, "ann", R"("password":"another","_rev":")" + member(roles, "rev") + R"(",)");
    CHECK(who_is(server, with_cookie(cookie)).empty());
    CHECK(who_is(server, with_token(access)) == "401");
    CHECK(post_json(server, "/_session/refresh", refresh).status == 401);
    CHECK(made.status == 201);
}

// Of the process: the hash is computed on a thread of the pool.
TEST_CASE("session: a sign-in by password costs one hash") {
    TestServer server("[couch_passwords_cache]\nenable = false\n"
                      "[chttpd_auth]\niterations = 400000\n");
    const auth::PasswordPolicy policy{"pbkdf2", "sha256", 400'000};
    double hash = 0, sign_in_cost = 1e9;
    for (int i = 0; i < 3; ++i) {
        double before = process_seconds();
        CHECK(auth::hash_password("secret", policy, "salt").has_value());
        hash = std::max(hash, process_seconds() - before);
        before = process_seconds();
        CHECK(post_json(server, "/_session", right).status == 200);
        sign_in_cost = std::min(sign_in_cost, process_seconds() - before);
    }
    CHECK(sign_in_cost < 1.7 * hash);
}

TEST_CASE("session: tokens are got with a password, used as Bearer, and refreshed once") {
    TestServer server;
    const auto pair = server.request("POST", "/_session/token");
    CHECK(pair.status == 200);
    CHECK(pair.header("cache-control") == "no-store");
    CHECK(member(pair, "token_type") == "Bearer");
    const auto access = member(pair, "access_token"), refresh = member(pair, "refresh_token");
    CHECK(who_is(server, with_token(access)) == "admin");
    CHECK(server.request("GET", "/_all_dbs", {}, with_token(access)).status == 200);

    const auto body = R"({"refresh_token":")" + refresh + R"("})";
    const auto next = post_json(server, "/_session/refresh", body);
    CHECK(next.status == 200);
    CHECK(who_is(server, with_token(member(next, "access_token"))) == "admin");
    CHECK(post_json(server, "/_session/refresh", body).status == 401);
    CHECK(server.request("GET", "/", {}, with_token(member(next, "access_token"))).status == 401);
}

TEST_CASE("session: a token gives no further tokens, nor does nobody get any") {
    TestServer server;
    const auto access = member(server.request("POST", "/_session/token"), "access_token");
    CHECK(server.request("POST", "/_session/token", {}, with_token(access)).status == 403);
    CHECK(server.request("POST", "/_session/token", {}, nobody).status == 401);
    CHECK(post_json(server, "/_session/refresh", "{}").status == 400);
    CHECK(post_json(server, "/_session/refresh", R"({"refresh_token":"x"})").status == 401);
}

TEST_CASE("session: the secret is made at the first start, kept, and never the same") {
    TestServer first, second;
    const auto path = "/_node/_local/_config/chttpd_auth/secret";
    const auto secret = first.get(path).body;
    CHECK(secret.size() > 40);
    CHECK(secret != second.get(path).body);
    first.restart();
    CHECK(first.get(path).body == secret);
}

TEST_CASE("CVE-2022-24706: no secret that others know signs anybody in") {
    TestServer server;
    // "admin" until 2100, by no secret and by the word that CouchDB once had for one.
    for (const auto* cookie : {"YWRtaW46RjQ4NjU3MDA6R-_aTq1PMag8DG514zwev2kuGBYC6-27he9NeHnkziM",
                               "YWRtaW46RjQ4NjU3MDA6j9h2CTGUk4aG0SDthr_B5YD95MMJZ4VEXSUdwEqSJV8"}) {
        CHECK(who_is(server, with_cookie(std::string("AuthSession=") + cookie)).empty());
    }
    server.put("/_node/_local/_config/chttpd/authentication_handlers",
               R"("{chttpd_auth, jwt_authentication_handler}")");
    CHECK(who_is(server, with_token("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiIsImV4cCI6NDEwMjQ0NDgw"
                                    "MH0.eIwpyq7b6aCGcFv-I13XODjUnbsL4IxJTXOpYMmacus")) == "400");
}

TEST_CASE("session: a header of several kilobytes is read") {
    TestServer server;
    const auto cookie = sign_in(server);
    CHECK(who_is(server, with_cookie("app=" + std::string(16'000, 'x') + "; " + cookie)) ==
          "admin");
}

}  // namespace divan::server
