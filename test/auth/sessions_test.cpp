#include "auth/sessions.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "auth/session_cookie.h"
#include "test/auth/session_fixture.h"

namespace divan::auth {

TEST_CASE_FIXTURE(SessionsFixture, "sessions: a cookie stands for who signed in") {
    const auto started = start("ann");
    const auto session = sessions->resume(started.cookie).value();
    REQUIRE(session);
    CHECK(session->account.name == "ann");
    CHECK(session->account.roles == std::vector<std::string>{"reader"});
    CHECK(session->id == started.record.id);
    CHECK(session->renewed.empty());
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: are there after a restart") {
    const auto started = start("ann", SessionKind::passkey);
    reopen();
    CHECK(resumed(started.cookie) == "ann");
    const auto listed = sessions->list("ann");
    REQUIRE(listed.size() == 1);
    CHECK(listed[0].id == started.record.id);
    CHECK(listed[0].kind == SessionKind::passkey);
    CHECK(listed[0].created == clock.seconds);
    CHECK(listed[0].address == "192.0.2.1");
    CHECK(listed[0].agent == "a browser");
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: what has not the form of a cookie is refused") {
    for (const auto* cookie : {"garbage", "YWJj", "YTpi", "%%%", "!!!"}) {
        CAPTURE(cookie);
        const auto session = sessions->resume(cookie);
        REQUIRE(session.has_error());
        CHECK(session.error().reason == "Malformed AuthSession cookie. Please clear your cookies.");
    }
    CHECK(resumed("YTpiOmM").empty());
    CHECK(resumed(start("ann").cookie + "AAAA").empty());
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: signing out really ends one, and only that one") {
    const auto here = start("ann"), there = start("ann");
    CHECK(sessions->revoke("ann", here.record.id));
    CHECK(resumed(here.cookie).empty());
    CHECK(resumed(there.cookie) == "ann");
    CHECK_FALSE(sessions->revoke("ann", here.record.id));
    reopen();
    CHECK(resumed(here.cookie).empty());
    CHECK(resumed(there.cookie) == "ann");
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: nobody revokes another's, or by no id") {
    const auto started = start("ann");
    CHECK_FALSE(sessions->revoke("bob", started.record.id));
    CHECK_FALSE(sessions->revoke("ann", ""));
    CHECK_FALSE(sessions->revoke("ann", "x"));
    CHECK(resumed(started.cookie) == "ann");
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: all of a user's but one are revoked at once") {
    const auto kept = start("ann"), first = start("ann"), second = start("ann");
    const auto other = start("bob");
    CHECK(sessions->revoke_all("ann", kept.record.id) == 2);
    CHECK(resumed(kept.cookie) == "ann");
    CHECK(resumed(first.cookie).empty());
    CHECK(resumed(second.cookie).empty());
    CHECK(resumed(other.cookie) == "bob");
    CHECK(sessions->revoke_all("ann") == 1);
    CHECK(sessions->list("ann").empty());
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: names that begin alike are kept apart") {
    known["ann2"] = known["ann"];
    known["ann2"].name = "ann2";
    const std::string odd("ann\0b", 5);
    known[odd] = known["ann"];
    known[odd].name = odd;
    start("ann2");
    start(odd);
    CHECK(sessions->list("ann").empty());
    CHECK(sessions->list(odd).size() == 1);
    CHECK(sessions->revoke_all("ann") == 0);
}

TEST_CASE_FIXTURE(SessionsFixture,
                  "sessions: a new password ends them, as does the account's end") {
    const auto of_ann = start("ann"), of_bob = start("bob");
    known["ann"].stamp = "second";
    CHECK(resumed(of_ann.cookie).empty());
    CHECK(sessions->list("ann").empty());
    known.erase("bob");
    CHECK(resumed(of_bob.cookie).empty());
    CHECK(sessions->sweep() == 2);
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: a cookie is good for the timeout of the moment") {
    const auto cookie = start("ann").cookie;
    clock.seconds += 599;
    CHECK(resumed(cookie) == "ann");
    clock.seconds += 1;
    CHECK(resumed(cookie).empty());
    settings.set("chttpd_auth/timeout", "601");
    CHECK(resumed(cookie) == "ann");
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: a cookie is renewed after a tenth of its time") {
    const auto cookie = start("ann").cookie;
    clock.seconds += 60;
    CHECK(sessions->resume(cookie).value()->renewed.empty());
    clock.seconds += 1;
    const auto renewed = sessions->resume(cookie).value()->renewed;
    CHECK_FALSE(renewed.empty());
    clock.seconds += 590;
    CHECK(resumed(cookie).empty());
    CHECK(resumed(renewed) == "ann");
    CHECK(sessions->list("ann").size() == 1);
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: their last use is noted, at most once a minute") {
    const auto cookie = start("ann").cookie;
    const auto begun = clock.seconds;
    clock.seconds += 59;
    resumed(cookie);
    CHECK(sessions->list("ann")[0].last_used == begun);
    clock.seconds += 1;
    resumed(cookie);
    CHECK(sessions->list("ann")[0].last_used == clock.seconds);
    sessions->flush();
    reopen();
    CHECK(sessions->list("ann")[0].last_used == clock.seconds);
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: writing their use down brings none back") {
    const auto started = start("ann");
    clock.seconds += 60;
    resumed(started.cookie);
    CHECK(sessions->revoke("ann", started.record.id));
    sessions->flush();
    reopen();
    CHECK(resumed(started.cookie).empty());
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: a revoked one stays so, whoever uses it meanwhile") {
    for (int round = 0; round < 20; ++round) {
        const auto started = start("ann");
        clock.seconds += 60;
        std::atomic<bool> revoked{false};
        std::atomic<int> after{0};
        std::vector<std::thread> users;
        for (int i = 0; i < 3; ++i) {
            users.emplace_back([&] {
                for (int turn = 0; turn < 200; ++turn) {
                    const bool before = revoked;
                    if (!resumed(started.cookie).empty() && before) ++after;
                    if (turn % 8 == 0) sessions->flush();
                }
            });
        }
        CHECK(sessions->revoke("ann", started.record.id));
        revoked = true;
        for (auto& user : users) user.join();
        CHECK(after == 0);
        sessions->flush();
        reopen();
        CHECK(resumed(started.cookie).empty());
    }
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: ended ones are swept away, live ones stay") {
    start("ann");
    clock.seconds += 7200;
    const auto live = start("bob");
    CHECK(sessions->sweep() == 1);
    CHECK(sessions->sweep() == 0);
    CHECK(resumed(live.cookie) == "bob");
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: of too many those unused for longest end") {
    settings.set("sessions/max_per_user", "3");
    const auto first = start("ann"), second = start("ann"), third = start("ann");
    const auto other = start("bob");
    clock.seconds += 120;
    CHECK(resumed(first.cookie) == "ann");
    const auto fourth = start("ann");
    const auto ended = static_cast<int>(resumed(second.cookie).empty()) +
                       static_cast<int>(resumed(third.cookie).empty());
    CHECK(ended == 1);
    CHECK(resumed(first.cookie) == "ann");
    CHECK(resumed(fourth.cookie) == "ann");
    CHECK(resumed(other.cookie) == "bob");
    CHECK(sessions->list("ann").size() == 3);
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: the secret is changed without signing anybody out") {
    const auto before = start("ann").cookie;
    settings.set("chttpd_auth/secret", R"(["second secret","first secret"])");
    CHECK(resumed(before) == "ann");
    const auto after = start("bob").cookie;
    settings.set("chttpd_auth/secret", R"(["second secret"])");
    CHECK(resumed(before).empty());
    CHECK(resumed(after) == "bob");
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: without a secret one is made up, none is empty") {
    settings.set("chttpd_auth/secret", "");
    CHECK(resumed(seal_cookie({"ann", clock.seconds, make_session_id()}, "")).empty());
    CHECK(resumed(start("ann").cookie) == "ann");
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: CouchDB's own cookies are good too, unless refused") {
    const auto cookie = sign_stateless("ann", clock.seconds, known["ann"].salt, *settings.rules());
    const auto session = sessions->resume(cookie).value();
    REQUIRE(session);
    CHECK(session->account.name == "ann");
    CHECK(session->id.empty());
    clock.seconds += 61;
    const auto renewed = sessions->resume(cookie).value()->renewed;
    clock.seconds += 590;
    CHECK(resumed(cookie).empty());
    CHECK(resumed(renewed) == "ann");
    settings.set("chttpd_auth/stateless_cookies", "false");
    CHECK(resumed(renewed).empty());
}

TEST_CASE_FIXTURE(SessionsFixture, "sessions: times of CouchDB's cookies may be any number") {
    const auto& salt = known["ann"].salt;
    const auto cookie = [&](std::int64_t issued) {
        return sign_stateless("ann", issued, salt, *settings.rules());
    };
    CHECK(resumed(cookie(INT64_MAX)) == "ann");  // somebody with the secret says so
    CHECK(resumed(cookie(INT64_MIN)).empty());
    for (const auto* time : {"7FFFFFFFFFFFFFFF", "-8000000000000000", "7FFFFFFFFFFFFFFE"}) {
        const auto forged = std::string("ann:") + time + ":" + std::string(32, 'x');
        CHECK(resumed(base64url_encode(forged)).empty());
    }
}

TEST_CASE_FIXTURE(SessionsFixture,
                  "sessions: what a client says of itself is cut to what is shown") {
    const auto agent_of = [&](const std::string& agent) {
        return sessions->start(known["ann"], SessionKind::password, "", agent).record.agent;
    };
    CHECK(agent_of(std::string(1000, 'x')) == std::string(256, 'x'));
    CHECK(agent_of(std::string(255, 'x') + "\xC3\xBC") == std::string(255, 'x'));
    CHECK(agent_of("\xff\xfe broken").empty());
}

TEST_CASE("session records: are read back as written, and not from anything else") {
    SessionRecord record{make_session_id(), "ann",  SessionKind::recovery, 1, 2, 3, "address",
                         "agent",           "stamp"};
    const auto key = session_key(record.user, record.id);
    const auto value = encode_session(record);
    const auto read = decode_session(key, value);
    CHECK(read.id == record.id);
    CHECK(read.user == "ann");
    CHECK(read.kind == SessionKind::recovery);
    CHECK(read.created == 1);
    CHECK(read.last_used == 2);
    CHECK(read.issued == 3);
    CHECK(read.address == "address");
    CHECK(read.agent == "agent");
    CHECK(read.stamp == "stamp");
    for (std::size_t size = 0; size < value.size(); ++size) {
        CHECK_THROWS_AS(decode_session(key, BytesView(value).substr(0, size)), CorruptBytes);
    }
}

}  // namespace divan::auth
