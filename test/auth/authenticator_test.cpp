#include "auth/authenticator.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "auth/password.h"

namespace divan::auth {
namespace {

class TestClock : public Clock {
public:
    std::chrono::steady_clock::time_point now() const override { return time; }
    std::chrono::steady_clock::time_point time{std::chrono::hours(1)};
};

struct Fixture {
    std::map<std::string, std::string, std::less<>> admins = {
        {"admin", hash_admin_password("secret", 10)}};
    TestClock clock;
    Authenticator authenticator{[this](std::string_view name) -> std::optional<std::string> {
                                    const auto found = admins.find(name);
                                    if (found == admins.end()) return std::nullopt;
                                    return found->second;
                                },
                                clock};
};

std::optional<Credentials> parsed(std::string header) {
    return parse_basic(&header).value();
}

}  // namespace

TEST_CASE("Basic: name and password are split at the first colon") {
    const auto credentials = parsed("Basic YW5uOnBhOnNz");  // ann:pa:ss
    REQUIRE(credentials);
    CHECK(credentials->name == "ann");
    CHECK(credentials->password == "pa:ss");
}

TEST_CASE("Basic: other schemes, no colon and _:_ mean nobody") {
    CHECK_FALSE(parse_basic(nullptr).value());
    for (const char* header :
         {"Bearer YW5uOnBhOnNz", "basic YW5uOnBhOnNz", "Basic YW5u", "Basic Xzpf", ""}) {
        CAPTURE(header);
        CHECK_FALSE(parsed(header));
    }
}

TEST_CASE("Basic: what is not base64 is refused") {
    for (const std::string header : {"Basic x", "Basic YW5uOnBh!", "Basic YW5uOnBhOnNzMQ"}) {
        CAPTURE(header);
        CHECK(parse_basic(&header).error() ==
              Error{Code::bad_request, "Authorization header has invalid base64 value", {}});
    }
}

TEST_CASE_FIXTURE(Fixture, "verify: the right password makes a server admin, others are refused") {
    const auto identity = authenticator.verify({"admin", "secret"});
    REQUIRE(identity.has_value());
    CHECK(identity->name == "admin");
    CHECK(identity->server_admin());
    const Error wrong{Code::unauthorized, "Name or password is incorrect.", {}};
    CHECK(authenticator.verify({"admin", "Secret"}).error() == wrong);
    CHECK(authenticator.verify({"nobody", "secret"}).error() == wrong);
    CHECK(authenticator.verify({"", ""}).error() == wrong);
}

TEST_CASE_FIXTURE(Fixture, "remembered: only what was right, for minutes, with the same password") {
    CHECK_FALSE(authenticator.remembered({"admin", "secret"}));
    CHECK(authenticator.verify({"admin", "secret"}).has_value());
    CHECK(authenticator.verify({"admin", "wrong"}).has_error());
    CHECK(authenticator.remembered({"admin", "secret"}));
    CHECK_FALSE(authenticator.remembered({"admin", "wrong"}));
    CHECK_FALSE(authenticator.remembered({"nobody", "secret"}));

    SUBCASE("a new password forgets the old one at once") {
        admins["admin"] = hash_admin_password("other", 10);
        CHECK_FALSE(authenticator.remembered({"admin", "secret"}));
        CHECK(authenticator.verify({"admin", "secret"}).has_error());
    }
    SUBCASE("an admin who is no more is not remembered") {
        admins.clear();
        CHECK_FALSE(authenticator.remembered({"admin", "secret"}));
    }
    SUBCASE("after a while the hash is computed again") {
        clock.time += std::chrono::hours(1);
        CHECK_FALSE(authenticator.remembered({"admin", "secret"}));
        CHECK(authenticator.verify({"admin", "secret"}).has_value());
    }
}

TEST_CASE_FIXTURE(Fixture, "verify: many threads at once all get the right answer") {
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    std::atomic<int> wrong{0};
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            const bool good = i % 2 == 0;
            const auto identity = authenticator.verify({"admin", good ? "secret" : "wrong"});
            (identity.has_value() ? right : wrong) += identity.has_value() == good ? 1 : 100;
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(right == 4);
    CHECK(wrong == 4);
}

}  // namespace divan::auth
