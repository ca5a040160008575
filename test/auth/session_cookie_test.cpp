#include "auth/session_cookie.h"

#include <doctest/doctest.h>

#include <map>

#include "storage/base/digest.h"

namespace divan::auth {
namespace {

using Secrets = std::vector<std::string>;

// Computed with Python's hmac and hashlib.
constexpr std::string_view sealed =
    "YW5uOjY1NTNGMTAwOgABAgMEBQYHCAkKCwwNDg8QEVVXrl-6bIXvKJ1KkvUJPBm95AoqiPRLhQzbo3ZYzz-s";
constexpr std::string_view id = "AAECAwQFBgcICQoLDA0ODxAR";
constexpr std::int64_t issued = 0x6553F100;

// CouchDB 3.5's, of the user "cfcookie" with the salt "cfsalt" and the secret "cf-secret".
constexpr std::string_view by_sha256 =
    "Y2Zjb29raWU6RjQ4NjU3MDA6i_KRkwDqXGmrzXlr7HWg5QVETs8kTw_SkYyPgDOU4JE";
constexpr std::string_view by_sha1 = "Y2Zjb29raWU6RjQ4NjU3MDA6HvcYeajqW60Ozyjt0jB-_ZOm3ME";

SessionRules rules_with(std::map<std::string, std::string> settings) {
    return SessionRules([&](std::string_view, std::string_view key) {
        const auto found = settings.find(std::string(key));
        return found == settings.end() ? std::nullopt : std::optional(found->second);
    });
}

bool proven(std::string_view cookie, std::string_view salt, const SessionRules& rules) {
    return is_proven(parse_stateless(decode_cookie(cookie).value()).value(), salt, rules);
}

}  // namespace

TEST_CASE("session cookie: names its record, in the form that is documented") {
    CHECK(seal_cookie({"ann", issued, std::string(id)}, "secret one") == sealed);
    const auto opened = open_cookie(decode_cookie(sealed).value(), {"secret one"});
    REQUIRE(opened);
    CHECK(opened->user == "ann");
    CHECK(opened->issued == issued);
    CHECK(opened->id == id);
}

TEST_CASE("session cookie: any secret of the list opens it, no other does") {
    const auto bytes = decode_cookie(sealed).value();
    CHECK(open_cookie(bytes, {"newer", "secret one"}));
    CHECK_FALSE(open_cookie(bytes, {"secret two"}));
    CHECK_FALSE(open_cookie(bytes, {}));
}

TEST_CASE("session cookie: a change of any byte is noticed") {
    const auto bytes = decode_cookie(sealed).value();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto changed = bytes;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        CHECK_FALSE(open_cookie(changed, {"secret one"}));
        CHECK_FALSE(open_cookie(BytesView(bytes).substr(0, i), {"secret one"}));
    }
    CHECK_FALSE(open_cookie(bytes + "x", {"secret one"}));
}

TEST_CASE("session cookie: names may have colons, and any bytes") {
    for (const std::string name : {"a:b", ":", "", "\xC3\xBC:1:", "x y"}) {
        const auto text = seal_cookie({name, issued, std::string(id)}, "s");
        const auto opened = open_cookie(decode_cookie(text).value(), {"s"});
        REQUIRE(opened);
        CHECK(opened->user == name);
        CHECK(opened->issued == issued);
    }
}

TEST_CASE("session cookie: CouchDB's own, by SHA-256 and SHA-1") {
    const auto rules = rules_with({
        {"secret", "cf-secret"}
    });
    CHECK(proven(by_sha256, "cfsalt", rules));
    CHECK(proven(by_sha1, "cfsalt", rules));
    CHECK_FALSE(proven(by_sha256, "other", rules));
    CHECK_FALSE(proven(by_sha256, "cfsalt",
                       rules_with({
                           {"secret", "other"}
    })));
    CHECK_FALSE(proven(by_sha256, "cfsalt", rules_with({})));
    CHECK_FALSE(proven(by_sha1, "cfsalt",
                       rules_with({
                           {"secret",          "cf-secret"},
                           {"hash_algorithms", "sha256"   }
    })));
    CHECK(proven(by_sha256, "cfsalt",
                 rules_with({
                     {"secret", R"(["new","cf-secret"])"}
    })));
    CHECK(sign_stateless("cfcookie", 0xF4865700, "cfsalt", rules) == by_sha256);
}

TEST_CASE("session cookie: base64url as CouchDB reads it") {
    CHECK(decode_cookie("YTpiOmM") == Bytes("a:b:c"));
    CHECK(decode_cookie("YTpiOmN") == Bytes("a:b:c"));  // bits left over
    CHECK(decode_cookie("-_-_") == Bytes("\xfb\xff\xbf"));
    for (const auto* text : {"%%%", "YTpiOmM=", "YTpi OmM", "+/+/", "YTpiO"}) {
        CAPTURE(text);
        CHECK_FALSE(decode_cookie(text));
    }
}

TEST_CASE("session cookie: times are hexadecimal numbers") {
    CHECK(parse_cookie_time("5F000000") == 0x5F000000);
    CHECK(parse_cookie_time("5f000000") == 0x5F000000);
    CHECK(parse_cookie_time("+10") == 16);
    CHECK(parse_cookie_time("-10") == -16);
    for (const auto* text : {"", "XYZ", "10 ", "0x10", "11112222333344445"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_cookie_time(text));
    }
}

TEST_CASE("session rules: a JSON array is a list of secrets, anything else is one") {
    CHECK(rules_with({}).secrets.empty());
    CHECK(rules_with({
                         {"secret", "a,b"}
    })
              .secrets == Secrets{"a,b"});
    CHECK(rules_with({
                         {"secret", R"(["new","old"])"}
    })
              .secrets == Secrets{"new", "old"});
    for (const auto* text : {"[", "[]", "[1]", R"(["new",""])"}) {
        CHECK(rules_with({
                             {"secret", text}
        })
                  .secrets == Secrets{text});
    }
}

}  // namespace divan::auth
