#include "auth/challenges.h"

#include <doctest/doctest.h>

#include <string>

#include "test/auth/fixture.h"

namespace divan::auth {
namespace {

using std::chrono::seconds;
constexpr auto sign_in = Ceremony::Kind::sign_in;
constexpr auto registration = Ceremony::Kind::registration;

struct ChallengesFixture {
    TestClock clock;
    Challenges challenges{clock};

    Bytes give(const std::string& client, const std::string& user = "ann") {
        Ceremony ceremony;
        ceremony.user = user;
        return challenges.give(std::move(ceremony), client, seconds(300));
    }
};

}  // namespace

TEST_CASE_FIXTURE(ChallengesFixture, "challenges: good for one answer") {
    const auto challenge = give("a");
    CHECK(challenge.size() == 32);
    CHECK(give("a") != challenge);
    CHECK(challenges.take(challenge, sign_in, {"a"})->user == "ann");
    CHECK_FALSE(challenges.take(challenge, sign_in, {"a"}));
    CHECK_FALSE(challenges.take("never given", sign_in, {"a"}));
}

TEST_CASE_FIXTURE(ChallengesFixture, "challenges: another client neither answers nor ends them") {
    const auto challenge = give("a");
    CHECK_FALSE(challenges.take(challenge, sign_in, {"b"}));
    CHECK_FALSE(challenges.take(challenge, sign_in, {}));
    CHECK(challenges.take(challenge, sign_in, {"b", "a"}).has_value());
}

TEST_CASE_FIXTURE(ChallengesFixture, "challenges: for their kind only, and a wrong try ends them") {
    const auto challenge = give("a");
    CHECK_FALSE(challenges.take(challenge, registration, {"a"}));
    CHECK_FALSE(challenges.take(challenge, sign_in, {"a"}));
}

TEST_CASE_FIXTURE(ChallengesFixture, "challenges: good for five minutes") {
    const auto challenge = give("a");
    clock.time += seconds(299);
    const auto later = give("a");
    clock.time += seconds(1);
    CHECK_FALSE(challenges.take(challenge, sign_in, {"a"}));
    CHECK(challenges.take(later, sign_in, {"a"}).has_value());
    give("b");
    clock.time += seconds(301);
    give("c");
    CHECK(challenges.size() == 1);
}

TEST_CASE_FIXTURE(ChallengesFixture,
                  "challenges: one client's number and all clients' is bounded") {
    const auto first = give("a"), other = give("b");
    for (std::size_t i = 0; i < ceremonies_of_client_max; ++i) give("a");
    CHECK(challenges.size() == ceremonies_of_client_max + 1);
    CHECK_FALSE(challenges.take(first, sign_in, {"a"}));
    for (std::size_t i = 0; i < ceremonies_max; ++i) give("c" + std::to_string(i));
    CHECK(challenges.size() == ceremonies_max);
    CHECK_FALSE(challenges.take(other, sign_in, {"b"}));
}

}  // namespace divan::auth
