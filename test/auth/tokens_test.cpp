#include "auth/tokens.h"

#include <doctest/doctest.h>

#include "storage/base/crypto.h"
#include "storage/base/json.h"
#include "test/auth/session_fixture.h"

namespace divan::auth {
namespace {

struct TokensFixture : SessionsFixture {
    TokenPair issue(const std::string& name) {
        return tokens->issue(known.at(name), "192.0.2.1", "an app");
    }
    /// Whose token it is, or why not.
    std::string verified(std::string_view token) {
        const auto session = tokens->verify(token);
        return session ? session->account.name : session.error().reason;
    }
    std::string refused(std::string_view refresh) {
        const auto pair = tokens->refresh(refresh);
        REQUIRE(pair.has_error());
        CHECK(pair.error().code == Code::unauthorized);
        return pair.error().reason;
    }
};

constexpr const char* ended = "The session of this token has ended.";
constexpr const char* not_valid = "The refresh token is not valid.";
constexpr const char* reused = "The refresh token was used before; its session has been ended.";

}  // namespace

TEST_CASE_FIXTURE(TokensFixture, "tokens: an access token says who, for its time") {
    const auto pair = issue("ann");
    CHECK(pair.expires_in == 3600);
    CHECK(Tokens::is_ours(pair.access));
    const auto session = tokens->verify(pair.access).value();
    CHECK(session.account.name == "ann");
    CHECK(session.id == pair.session_id);
    clock.seconds += 3599;
    CHECK(verified(pair.access) == "ann");
    clock.seconds += 1;
    CHECK(verified(pair.access) == "exp not in future");
}

TEST_CASE_FIXTURE(TokensFixture, "tokens: an access token is an ordinary JSON Web Token") {
    const auto access = issue("ann").access;
    const auto first = access.find('.'), second = access.rfind('.');
    CHECK(base64url_decode(access.substr(0, first)) ==
          Bytes(R"({"alg":"HS256","kid":"divan","typ":"JWT"})"));
    const auto claims =
        parse_json(base64url_decode(access.substr(first + 1, second - first - 1)).value()).value();
    CHECK(claims.find("sub")->string() == "ann");
    CHECK(claims.find("iss")->string() == "divan");
    CHECK(claims.find("exp")->integer() == clock.seconds + 3600);
    CHECK(claims.find("_couchdb.roles")->dump() == R"(["reader"])");
}

TEST_CASE_FIXTURE(TokensFixture, "tokens: no byte of an access token can be changed") {
    const auto access = issue("ann").access;
    for (std::size_t i = 0; i < access.size(); ++i) {
        auto changed = access;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        CHECK(verified(changed) == "Bad HMAC");
        CHECK(verified(access.substr(0, i)) == "Bad HMAC");
    }
}

TEST_CASE_FIXTURE(TokensFixture, "tokens: a session of tokens is listed, and its cookie is none") {
    const auto pair = issue("ann");
    const auto listed = sessions->list("ann");
    REQUIRE(listed.size() == 1);
    CHECK(listed[0].kind == SessionKind::token);
    CHECK(listed[0].agent == "an app");
    CHECK(listed[0].id == pair.session_id);
}

TEST_CASE_FIXTURE(TokensFixture, "tokens: a refresh gives a new pair, within its week") {
    auto pair = issue("ann");
    for (int week = 0; week < 3; ++week) {
        clock.seconds += 604'799;
        const auto next = tokens->refresh(pair.refresh).value();
        CHECK(next.refresh != pair.refresh);
        CHECK(next.session_id == pair.session_id);
        CHECK(verified(next.access) == "ann");
        pair = next;
    }
    clock.seconds += 604'800;
    CHECK(refused(pair.refresh) == not_valid);
}

TEST_CASE_FIXTURE(TokensFixture, "tokens: one that comes twice ends the whole session") {
    const auto first = issue("ann");
    const auto other = issue("ann");
    const auto second = tokens->refresh(first.refresh).value();
    reopen();
    CHECK(refused(first.refresh) == reused);
    CHECK(refused(second.refresh) == not_valid);
    CHECK(verified(second.access) == ended);
    CHECK(verified(other.access) == "ann");
}

TEST_CASE_FIXTURE(TokensFixture, "tokens: end with the session, the password and the account") {
    const auto revoked = issue("ann");
    CHECK(sessions->revoke("ann", revoked.session_id));
    CHECK(verified(revoked.access) == ended);
    CHECK(refused(revoked.refresh) == not_valid);

    const auto old_password = issue("ann");
    known["ann"].stamp = "second";
    CHECK(verified(old_password.access) == ended);
    CHECK(refused(old_password.refresh) == not_valid);

    const auto gone = issue("bob");
    known.erase("bob");
    CHECK(verified(gone.access) == ended);
    CHECK(refused(gone.refresh) == not_valid);
}

TEST_CASE_FIXTURE(TokensFixture, "tokens: what is no refresh token ends nothing") {
    const auto pair = issue("ann");
    for (std::size_t i = 0; i < pair.refresh.size(); ++i) {
        auto changed = pair.refresh;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        CHECK(refused(changed) == not_valid);
    }
    CHECK(refused("") == not_valid);
    CHECK(refused(pair.access) == not_valid);
    CHECK(tokens->refresh(pair.refresh).has_value());
}

TEST_CASE_FIXTURE(TokensFixture, "tokens: only a digest of the refresh token is on the disk") {
    const auto pair = issue("ann");
    const auto secret_part = base64url_decode(pair.refresh).value().substr(session_id_bytes + 4);
    store.each(RecordKind::token_family, "", [&](std::string_view, BytesView value) {
        CHECK(value.find(secret_part.substr(0, 16)) == BytesView::npos);
        CHECK(value.find(sha256(pair.refresh)) != BytesView::npos);
        return true;
    });
}

TEST_CASE_FIXTURE(TokensFixture,
                  "tokens: survive a change of the secret, as long as it is listed") {
    const auto pair = issue("ann");
    settings.set("chttpd_auth/secret", R"(["second secret","first secret"])");
    CHECK(verified(pair.access) == "ann");
    const auto next = tokens->refresh(pair.refresh).value();
    settings.set("chttpd_auth/secret", "second secret");
    CHECK(verified(pair.access) == "Bad HMAC");
    CHECK(verified(next.access) == "ann");
}

TEST_CASE_FIXTURE(TokensFixture, "tokens: their lifetimes are settings") {
    settings.set("sessions/access_token_seconds", "60");
    settings.set("sessions/refresh_token_seconds", "120");
    const auto pair = issue("ann");
    CHECK(pair.expires_in == 60);
    clock.seconds += 60;
    CHECK(verified(pair.access) == "exp not in future");
    clock.seconds += 60;
    CHECK(refused(pair.refresh) == not_valid);
}

}  // namespace divan::auth
