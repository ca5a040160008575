#include <doctest/doctest.h>

#include <map>
#include <string>

#include "storage/base/json.h"
#include "test/auth/webauthn/software_authenticator.h"
#include "test/support/test_server.h"

namespace divan::server {
namespace {

using test::Headers;
using test::Reply;
using test::SoftwareAuthenticator;
using test::TestServer;

/// A browser on the site "example.org": keeps cookies, speaks JSON, has nobody's password.
class Browser {
public:
    explicit Browser(TestServer& server) : server_(server) {}

    Reply send(std::string_view method, const std::string& target, std::string_view body = {}) {
        Headers headers{
            {"Authorization", ""           },
            {"Host",          "example.org"}
        };
        if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
        std::string cookies;
        for (const auto& [name, value] : cookies_) cookies += name + "=" + value + "; ";
        if (!cookies.empty()) headers.emplace_back("Cookie", cookies);
        auto reply = server_.request(method, target, body, headers);
        for (const auto& [name, value] : reply.headers) {
            if (name == "set-cookie") keep(value);
        }
        return reply;
    }
    Reply post(const std::string& target, std::string_view body = "{}") {
        return send("POST", target, body);
    }
    Reply get(const std::string& target) { return send("GET", target); }

    /// Options for a registration, then the authenticator's answer to them.
    Reply register_with(const SoftwareAuthenticator& authenticator, std::string_view options_body) {
        const auto options = post("/_passkey/register/options", options_body);
        if (options.status != 200) return options;
        return post("/_passkey/register/verify",
                    R"({"label":"Phone","response":)" +
                        authenticator.create(member(options, "challenge")) + "}");
    }
    Reply sign_in_with(const SoftwareAuthenticator& authenticator, std::string_view options_body,
                       const std::string& handle = {}) {
        const auto options = post("/_passkey/signin/options", options_body);
        REQUIRE(options.status == 200);
        return post(
            "/_passkey/signin/verify",
            R"({"response":)" + authenticator.get(member(options, "challenge"), handle) + "}");
    }
    std::string user() {
        const auto session = parse_json(get("/_session").body).value();
        return session.find("userCtx")->find("name")->string();
    }
    void forget_cookie(const std::string& name) { cookies_.erase(name); }
    bool has_cookie(const std::string& name) const { return cookies_.contains(name); }

    static std::string member(const Reply& reply, std::string_view name) {
        const auto json = parse_json(reply.body).value();
        const auto* found = json.find(name);
        REQUIRE_MESSAGE(found != nullptr, reply.body);
        return found->string();
    }

private:
    void keep(const std::string& cookie) {
        const auto equals = cookie.find('='), end = cookie.find(';');
        cookies_[cookie.substr(0, equals)] = cookie.substr(equals + 1, end - equals - 1);
    }

    TestServer& server_;
    std::map<std::string, std::string> cookies_;
};

constexpr std::string_view open_site = "[passkeys]\nrp_id=example.org\nregistration=open\n";
constexpr std::string_view closed_site = "[passkeys]\nrp_id=example.org\n";

std::string handle_in(const Reply& options) {
    return parse_json(options.body).value().find("user")->find("id")->string();
}

std::string invite(TestServer& server, const std::string& body) {
    const auto reply = server.post("/_passkey/invitation", body);
    REQUIRE_MESSAGE(reply.status == 201, reply.body);
    return Browser::member(reply, "code");
}

}  // namespace

TEST_CASE("passkeys: a new account, signed in; then without a name, and with one") {
    TestServer server(open_site);
    Browser browser(server);
    SoftwareAuthenticator authenticator;
    const auto made = browser.register_with(authenticator, R"({"name":"ann"})");
    CHECK(made.status == 201);
    const auto body = parse_json(made.body).value();
    CHECK(body.find("name")->string() == "ann");
    CHECK(body.find("roles")->items().empty());
    CHECK(body.find("passkey")->find("label")->string() == "Phone");
    CHECK(body.find("recovery_codes")->items().size() == 10);
    CHECK(made.header("cache-control") == "no-store");
    CHECK(browser.user() == "ann");

    const auto document = parse_json(server.get("/_users/org.couchdb.user:ann").body).value();
    CHECK(document.find("type")->string() == "user");
    CHECK(document.find("derived_key") == nullptr);

    const auto handle = handle_in(browser.post("/_passkey/register/options"));
    Browser other(server);
    const auto signed_in = other.sign_in_with(authenticator, "{}", handle);
    CHECK(signed_in == Reply{200, "{\"ok\":true,\"name\":\"ann\",\"roles\":[]}\n", {}});
    CHECK(other.user() == "ann");
    Browser third(server);
    CHECK(third.sign_in_with(authenticator, R"({"name":"ann"})").status == 200);
    CHECK(third.user() == "ann");
}

TEST_CASE("passkeys: options are WebAuthn's, and have one shape for every name") {
    TestServer server(open_site);
    Browser browser(server);
    const auto created = browser.post("/_passkey/register/options",
                                      R"({"name":"ann","display_name":"Ann \"A\" Bee"})");
    const auto options = parse_json(created.body).value();
    CHECK(options.find("rp")->dump() == R"({"name":"example.org","id":"example.org"})");
    CHECK(options.find("user")->find("displayName")->string() == "Ann \"A\" Bee");
    CHECK(options.find("pubKeyCredParams")->items().size() == 5);
    CHECK(options.find("excludeCredentials")->dump() == "[]");
    CHECK(
        options.find("authenticatorSelection")->dump() ==
        R"({"residentKey":"preferred","requireResidentKey":false,"userVerification":"required"})");
    CHECK(options.find("attestation")->string() == "none");
    CHECK(options.find("timeout")->integer() == 300'000);
    CHECK(created.header("set-cookie").find("HttpOnly; SameSite=Strict") != std::string::npos);

    SoftwareAuthenticator authenticator;
    Browser ann(server);
    CHECK(ann.register_with(authenticator, R"({"name":"ann"})").status == 201);
    const auto shape = [&](const std::string& name) {
        const auto reply = browser.post("/_passkey/signin/options", "{\"name\":\"" + name + "\"}");
        CHECK(reply.status == 200);
        const auto json = parse_json(reply.body).value();
        std::string keys;
        for (const auto& [key, value] : json.members()) keys += key + " ";
        const auto& first = json.find("allowCredentials")->items().front();
        for (const auto& [key, value] : first.members()) keys += key + " ";
        return keys;
    };
    CHECK(shape("ann") == shape("nobody"));
    CHECK(shape("admin") == shape("nobody"));
    const auto unnamed = parse_json(browser.post("/_passkey/signin/options").body).value();
    CHECK(unnamed.find("allowCredentials")->items().empty());
    CHECK(unnamed.find("rpId")->string() == "example.org");
}

TEST_CASE("passkeys: an answer counts once, and in the browser that asked") {
    TestServer server(open_site);
    SoftwareAuthenticator authenticator;
    Browser browser(server), thief(server);
    CHECK(browser.register_with(authenticator, R"({"name":"ann"})").status == 201);

    Browser fresh(server);
    const auto options = fresh.post("/_passkey/signin/options", R"({"name":"ann"})");
    const auto answer =
        R"({"response":)" + authenticator.get(Browser::member(options, "challenge")) + "}";
    CHECK(thief.post("/_passkey/signin/verify", answer).status == 400);
    CHECK(fresh.post("/_passkey/signin/verify", answer).status == 200);
    CHECK(fresh.post("/_passkey/signin/verify", answer).status == 400);
    CHECK(thief.user().empty());
}

TEST_CASE("passkeys: what is not ours is refused, with the same words for every stranger") {
    TestServer server(open_site);
    SoftwareAuthenticator anns, stranger;
    Browser ann(server), browser(server);
    CHECK(ann.register_with(anns, R"({"name":"ann"})").status == 201);
    const Reply refused{401,
                        "{\"error\":\"unauthorized\",\"reason\":\"The passkey was not "
                        "accepted.\"}\n",
                        {}};
    CHECK(browser.sign_in_with(stranger, R"({"name":"ann"})") == refused);
    CHECK(browser.sign_in_with(stranger, R"({"name":"nobody"})") == refused);
    auto wrong_site = anns;
    wrong_site.origin = "https://evil.example";
    CHECK(browser.sign_in_with(wrong_site, R"({"name":"ann"})").status == 400);
    CHECK(browser.user().empty());
    for (const char* body : {"{}", R"({"response":7})", R"({"response":{"id":"AA"}})", "[]"}) {
        CHECK(browser.post("/_passkey/signin/verify", body).status == 400);
        CHECK(browser.post("/_passkey/register/verify", body).status == 400);
    }
    CHECK(server
              .request("POST", "/_passkey/signin/options", "{}",
                       {
                           {"Authorization", ""           },
                           {"Host",          "example.org"}
    })
              .status == 415);
}

TEST_CASE("passkeys: a copied authenticator is found out by its counter") {
    TestServer server(open_site);
    SoftwareAuthenticator authenticator;
    authenticator.counter = 1;
    Browser browser(server);
    CHECK(browser.register_with(authenticator, R"({"name":"ann"})").status == 201);
    authenticator.counter = 2;
    CHECK(browser.sign_in_with(authenticator, R"({"name":"ann"})").status == 200);
    const auto again = browser.sign_in_with(authenticator, R"({"name":"ann"})");
    CHECK(again.status == 403);
    CHECK(Browser::member(again, "reason") ==
          "The passkey's counter went back: there may be a copy of it.");
}

TEST_CASE("passkeys: nobody gets a name that is another's") {
    TestServer server(open_site);
    server.put("/_users/org.couchdb.user:ann",
               R"({"name":"ann","type":"user","roles":[],"password":"secret"})");
    Browser browser(server);
    CHECK(browser.post("/_passkey/register/options", R"({"name":"ann"})").status == 409);
    CHECK(browser.post("/_passkey/register/options", R"({"name":"admin"})").status == 409);
    CHECK(browser.post("/_passkey/register/options", R"({"name":"_admin"})").status == 400);
    CHECK(browser.post("/_passkey/register/options", R"({"name":"A b"})").status == 400);

    // Two begin with the same name; the second to finish is refused.
    Browser other(server);
    SoftwareAuthenticator first, second;
    const auto one = browser.post("/_passkey/register/options", R"({"name":"bob"})");
    const auto two = other.post("/_passkey/register/options", R"({"name":"bob"})");
    const auto finish = [](Browser& who, const SoftwareAuthenticator& key, const Reply& options) {
        return who
            .post("/_passkey/register/verify",
                  R"({"response":)" + key.create(Browser::member(options, "challenge")) + "}")
            .status;
    };
    CHECK(finish(browser, first, one) == 201);
    CHECK(finish(other, second, two) == 409);
    CHECK(other.user().empty());
    // A passkey is one user's: the account that was begun with it again is taken back.
    const auto three = other.post("/_passkey/register/options", R"({"name":"carl"})");
    CHECK(finish(other, first, three) == 403);
    CHECK(server.get("/_users/org.couchdb.user:carl").status == 404);
}

TEST_CASE("passkeys: closed, an admin's invitation opens the one account it names") {
    TestServer server(closed_site);
    Browser browser(server);
    SoftwareAuthenticator authenticator;
    CHECK(browser.post("/_passkey/register/options", R"({"name":"ann"})").status == 403);
    CHECK(browser.post("/_passkey/invitation", R"({"name":"ann"})").status == 401);
    CHECK(server.post("/_passkey/invitation", "{}").status == 400);
    CHECK(server.post("/_passkey/invitation", R"({"name":"ann","roles":["_admin"]})").status ==
          400);
    CHECK(server.post("/_passkey/invitation", R"({"name":"ann","expires_in":1})").status == 400);

    const auto reply = server.post("/_passkey/invitation", R"({"name":"ann","roles":["nurse"]})");
    CHECK(reply.status == 201);
    const auto code = Browser::member(reply, "code");
    CHECK(Browser::member(reply, "url").find("/_account#code=" + code) != std::string::npos);
    const auto body = "{\"code\":\"" + code + "\"}";
    const auto made = browser.register_with(authenticator, body);
    CHECK(made.status == 201);
    CHECK(parse_json(made.body).value().find("roles")->dump() == R"(["nurse"])");
    CHECK(browser.user() == "ann");
    CHECK(browser.register_with(authenticator, body).status == 403);
}

TEST_CASE("passkeys: an enrolment link adds one to an account that has a password") {
    TestServer server(closed_site);
    server.put("/_users/org.couchdb.user:ann",
               R"({"name":"ann","type":"user","roles":["nurse"],"password":"secret"})");
    const auto code = invite(server, R"({"name":"ann"})");
    CHECK(server.post("/_passkey/invitation", R"({"name":"ann","roles":["x"]})").status == 400);
    Browser browser(server);
    SoftwareAuthenticator authenticator;
    const auto made = browser.register_with(authenticator, "{\"code\":\"" + code + "\"}");
    CHECK(made.status == 201);
    CHECK(made.body.find("recovery_codes") == std::string::npos);
    CHECK(browser.user() == "ann");
    Browser other(server);
    CHECK(other.sign_in_with(authenticator, R"({"name":"ann"})").status == 200);
}

TEST_CASE("passkeys: listed, named and removed by their user, or an admin") {
    TestServer server(open_site);
    Browser ann(server), bob(server), nobody(server);
    SoftwareAuthenticator first, second, bobs;
    CHECK(ann.register_with(first, R"({"name":"ann"})").status == 201);
    CHECK(bob.register_with(bobs, R"({"name":"bob"})").status == 201);
    CHECK(ann.register_with(second, "{}").status == 201);

    CHECK(nobody.get("/_passkey").status == 401);
    CHECK(bob.get("/_passkey?user=ann").status == 403);
    const auto list = parse_json(ann.get("/_passkey").body).value();
    REQUIRE(list.find("passkeys")->items().size() == 2);
    const auto& entry = list.find("passkeys")->items().front();
    CHECK(entry.find("label")->string() == "Phone");
    CHECK(entry.find("last_used")->is_null());
    CHECK(entry.find("backed_up")->boolean());
    CHECK(entry.find("transports")->dump() == R"(["internal","hybrid"])");
    CHECK(server.get("/_passkey?user=ann").body == ann.get("/_passkey").body);

    const auto path = "/_passkey/" + entry.find("id")->string();
    CHECK(bob.send("PUT", path, R"({"label":"mine"})").status == 404);
    CHECK(bob.send("DELETE", path).status == 404);
    const auto renamed = ann.send("PUT", path, R"({"label":"Old phone"})");
    CHECK(renamed.status == 200);
    CHECK(Browser::member(renamed, "label") == "Old phone");
    CHECK(ann.send("PUT", path, R"({"label":"a\nb"})").status == 400);
    CHECK(ann.send("DELETE", path).status == 200);
    CHECK(ann.send("DELETE", path).status == 404);
}

TEST_CASE("passkeys: the only way into an account stays") {
    TestServer server(closed_site);
    Browser ann(server);
    SoftwareAuthenticator key;
    const auto code = invite(server, R"({"name":"ann"})");
    const auto made = ann.register_with(key, "{\"code\":\"" + code + "\"}");
    const auto path =
        "/_passkey/" + parse_json(made.body).value().find("passkey")->find("id")->string();
    const auto answer = parse_json(made.body).value();
    for (const auto& recovery : answer.find("recovery_codes")->items()) {
        Browser other(server);
        const auto body = R"({"name":"ann","code":")" + recovery.string() + "\"}";
        CHECK(other.post("/_passkey/recover", body).status == 200);
    }
    CHECK(ann.send("DELETE", path).status == 403);
    CHECK(server.del(path + "?user=ann").status == 200);
}

TEST_CASE("passkeys: recovery codes sign in once each, and make a new passkey") {
    TestServer server(open_site);
    Browser ann(server), lost(server);
    SoftwareAuthenticator key, fresh;
    CHECK(ann.register_with(key, R"({"name":"ann"})").status == 201);
    CHECK(lost.post("/_passkey/recovery").status == 401);
    const auto renewed = ann.post("/_passkey/recovery");
    CHECK(renewed.status == 200);
    const auto json = parse_json(renewed.body).value();
    const auto codes = json.find("recovery_codes")->items();
    const auto recover = [&](const std::string& name, const std::string& code) {
        return lost.post("/_passkey/recover",
                         R"({"name":")" + name + R"(","code":")" + code + "\"}");
    };
    const auto wrong = recover("ann", "0000-0000-0000-0000");
    CHECK(wrong.status == 401);
    CHECK(recover("nobody", codes[0].string()) == wrong);
    CHECK(recover("ann", codes[0].string()).status == 200);
    CHECK(lost.user() == "ann");
    CHECK(lost.get("/_session/list").body.find("\"recovery\"") != std::string::npos);
    lost.forget_cookie("AuthSession");
    CHECK(recover("ann", codes[0].string()) == wrong);

    const auto body = R"({"name":"ann","code":")" + codes[1].string() + "\"}";
    CHECK(lost.register_with(fresh, body).status == 201);
    CHECK(lost.user() == "ann");
    CHECK(recover("ann", codes[1].string()) == wrong);
}

TEST_CASE("passkeys: leave with their user, so that the next of that name gets nothing") {
    TestServer server(open_site);
    Browser ann(server);
    SoftwareAuthenticator key;
    CHECK(ann.register_with(key, R"({"name":"ann"})").status == 201);
    const auto handle = handle_in(ann.post("/_passkey/register/options"));
    const std::string document = "/_users/org.couchdb.user:ann";
    const auto revision = Browser::member(server.get(document), "_rev");
    const auto codes = parse_json(ann.post("/_passkey/recovery").body).value();
    CHECK(server.del(document + "?rev=" + revision).status == 200);
    CHECK(server.get("/_passkey?user=ann").body == "{\"passkeys\":[]}\n");
    CHECK(server.put(document, R"({"name":"ann","type":"user","roles":[]})").status == 201);

    CHECK(ann.user().empty());
    Browser again(server);
    CHECK(again.sign_in_with(key, R"({"name":"ann"})").status == 401);
    CHECK(again.sign_in_with(key, "{}", handle).status == 401);
    CHECK(again
              .post("/_passkey/recover", R"({"name":"ann","code":")" +
                                             codes.find("recovery_codes")->items()[0].string() +
                                             "\"}")
              .status == 401);
}

TEST_CASE("passkeys: leave with a purged document, and with the database of users") {
    TestServer server(open_site);
    Browser ann(server), bob(server);
    SoftwareAuthenticator anns, bobs;
    CHECK(ann.register_with(anns, R"({"name":"ann"})").status == 201);
    CHECK(bob.register_with(bobs, R"({"name":"bob"})").status == 201);
    const std::string document = "/_users/org.couchdb.user:ann";
    const auto revision = Browser::member(server.get(document), "_rev");
    CHECK(
        server.post("/_users/_purge", R"({"org.couchdb.user:ann":[")" + revision + "\"]}").status ==
        201);
    CHECK(server.get("/_passkey?user=ann").body == "{\"passkeys\":[]}\n");
    CHECK(server.get("/_passkey?user=bob").body != "{\"passkeys\":[]}\n");
    CHECK(server.del("/_users").status == 200);
    CHECK(server.get("/_passkey?user=bob").body == "{\"passkeys\":[]}\n");
}

TEST_CASE("passkeys: survive a restart, with sessions; names and policy are told to anyone") {
    TestServer server(std::string(open_site) +
                      "rp_name=The Clinic\n[chttpd]\n"
                      "require_valid_user=true\n");
    Browser ann(server);
    SoftwareAuthenticator key;
    CHECK(ann.register_with(key, R"({"name":"ann"})").status == 201);
    server.restart();
    CHECK(ann.user() == "ann");
    Browser other(server);
    CHECK(other.get("/_passkey/policy").body ==
          "{\"registration\":\"open\",\"rp\":{\"id\":\"example.org\",\"name\":\"The Clinic\"},"
          "\"password_sign_in\":true}\n");
    CHECK(other.sign_in_with(key, R"({"name":"ann"})").status == 200);
    CHECK(other.get("/_passkey").status == 200);
}

TEST_CASE("passkeys: without a site they say what to set") {
    TestServer server;
    Browser browser(server);
    const auto reply = browser.post("/_passkey/signin/options");
    CHECK(reply.status == 501);
    CHECK(Browser::member(reply, "reason").find("[passkeys] rp_id") != std::string::npos);
    CHECK(browser.get("/_passkey/policy").body ==
          "{\"registration\":\"closed\",\"rp\":{\"id\":null,\"name\":\"Divan\"},"
          "\"password_sign_in\":true}\n");
}

}  // namespace divan::server
