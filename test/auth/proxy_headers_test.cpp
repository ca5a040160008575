#include "auth/proxy_headers.h"

#include <doctest/doctest.h>

#include <map>

namespace divan::auth {
namespace {

using Texts = std::map<std::string, std::string, std::less<>>;

// HMAC of "cfproxy" by "proxy secret", with Python's hmac.
const std::string by_sha256 = "4bf7b243daf720c093cc6698167c9e685d29634633aa7daf05f4067bbc41f1e0";
const std::string by_sha1 = "b463a22c0e9b25ac96ecea518d777f40a07840de";

std::optional<Identity> identify(const Texts& headers, const Texts& settings) {
    const auto read = [&](std::string_view, std::string_view key) {
        const auto found = settings.find(key);
        return found == settings.end() ? std::nullopt : std::optional(found->second);
    };
    const auto header = [&](std::string_view name) {
        const auto found = headers.find(name);
        return found == headers.end() ? nullptr : &found->second;
    };
    return ProxyHeaders(read).identify(header, SessionRules(read));
}

}  // namespace

TEST_CASE("proxy: names the user and their roles") {
    const auto who = identify(
        {
            {"x-auth-couchdb-username", "ann"      },
            {"x-auth-couchdb-roles",    "a , b c,d"}
    },
        {});
    REQUIRE(who);
    CHECK(who->name == "ann");
    CHECK(who->roles == std::vector<std::string>{"a", "b c", "d"});
    CHECK(who->authenticated_by == "proxy");
    CHECK_FALSE(identify(
        {
            {"x-auth-couchdb-roles", "_admin"}
    },
        {}));
    CHECK_FALSE(identify(
        {
            {"x-auth-couchdb-username", ""      },
            {"x-auth-couchdb-roles",    "_admin"}
    },
        {}));
}

TEST_CASE("proxy: the headers may have other names") {
    const auto who = identify(
        {
            {"x-user",  "ann"},
            {"x-roles", "r"  }
    },
        {{"x_auth_username", "X-User"}, {"x_auth_roles", "X-Roles"}});
    REQUIRE(who);
    CHECK(who->roles == std::vector<std::string>{"r"});
}

TEST_CASE("proxy: with a secret only the right token counts") {
    const Texts settings = {
        {"proxy_use_secret", "true"        },
        {"secret",           "proxy secret"}
    };
    const auto with_token = [&](std::string token) {
        return identify(
            {
                {"x-auth-couchdb-username", "cfproxy"       },
                {"x-auth-couchdb-token",    std::move(token)}
        },
            settings);
    };
    CHECK(with_token(by_sha256));
    CHECK(with_token(by_sha1));
    CHECK_FALSE(with_token(""));
    CHECK_FALSE(with_token("bad"));
    CHECK_FALSE(with_token(by_sha256 + "00"));
    CHECK_FALSE(identify(
        {
            {"x-auth-couchdb-username", "cfproxy"}
    },
        settings));
    CHECK_FALSE(identify(
        {
            {"x-auth-couchdb-username", "other"},
            {"x-auth-couchdb-token",    by_sha1}
    },
        settings));
}

TEST_CASE("proxy: where a secret is asked for but none is set, nobody is believed") {
    CHECK_FALSE(identify(
        {
            {"x-auth-couchdb-username", "cfproxy"},
            {"x-auth-couchdb-token",    by_sha1  }
    },
        {{"proxy_use_secret", "true"}}));
}

}  // namespace divan::auth
