#include "auth/rate_limit.h"

#include <doctest/doctest.h>

#include <string>

#include "test/support/fake_clock.h"

namespace divan::auth {

using std::chrono::seconds;
using test::FakeClock;

TEST_CASE("rates are read as count/seconds") {
    CHECK(parse_rate("100/900") == Rate{100, seconds{900}});
    for (const char* bad : {"", "100", "/", "100/", "/900", "0/900", "100/0", "-1/5", "1/5 ", "a/b",
                            "1000001/5", "99999999999999999999/5", "1/5/6"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_rate(bad));
    }
}

TEST_CASE("a bucket gives its count at once, then one after the other") {
    FakeClock clock;
    RateLimiter limiter(clock, 10);
    const Rate rate{3, seconds{30}};

    for (int i = 0; i < 3; ++i) CHECK_FALSE(limiter.take("a", rate));
    CHECK(limiter.wait("a", rate) == seconds{10});
    CHECK(limiter.take("a", rate) == seconds{10});
    CHECK_FALSE(limiter.take("b", rate));

    clock.advance(seconds{4});
    CHECK(limiter.take("a", rate) == seconds{6});
    clock.advance(seconds{6});
    CHECK_FALSE(limiter.take("a", rate));
    CHECK(limiter.take("a", rate) == seconds{10});

    clock.advance(seconds{3000});
    for (int i = 0; i < 3; ++i) CHECK_FALSE(limiter.take("a", rate));
    CHECK(limiter.take("a", rate));
}

TEST_CASE("looking takes nothing") {
    FakeClock clock;
    RateLimiter limiter(clock, 10);
    const Rate rate{1, seconds{5}};
    for (int i = 0; i < 5; ++i) CHECK_FALSE(limiter.wait("a", rate));
    CHECK(limiter.size() == 0);
    CHECK_FALSE(limiter.take("a", rate));
    CHECK(limiter.wait("a", rate) == seconds{5});
}

TEST_CASE("memory is bounded, and a key in use is not forgotten for others") {
    FakeClock clock;
    RateLimiter limiter(clock, 100);
    const Rate rate{1, seconds{60}};
    CHECK_FALSE(limiter.take("kept", rate));
    for (int i = 0; i < 10'000; ++i) {
        limiter.take("other " + std::to_string(i), rate);
        CHECK(limiter.take("kept", rate));
    }
    CHECK(limiter.size() == 100);
    const std::string long_name(1 << 20, 'x');
    CHECK_FALSE(limiter.take(long_name, rate));
    CHECK(limiter.take(long_name, rate));
    CHECK_FALSE(limiter.take(long_name + "y", rate));
}

TEST_CASE("addresses: all of an IPv6 network is one client") {
    CHECK(address_key("192.0.2.1") == "192.0.2.1");
    CHECK(address_key("[2001:db8:1:2::1]") == address_key("2001:db8:1:2:ffff::9"));
    CHECK(address_key("[2001:db8:1:2::1]") != address_key("[2001:db8:1:3::1]"));
    CHECK(address_key("nonsense") == "nonsense");
}

}  // namespace divan::auth
