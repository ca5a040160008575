#include "auth/passkey_policy.h"

#include <doctest/doctest.h>

#include <string>

#include "test/auth/fixture.h"

namespace divan::auth {
namespace {

struct PolicyFixture {
    TestSettings settings;
    PasskeyPolicy policy{settings.reader()};
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE_FIXTURE(PolicyFixture, "passkey policy: without a site, only localhost is one") {
    const auto local = policy.relying_party({"localhost:5984", false}).value();
    CHECK(local.id == "localhost");
    CHECK(local.name == "localhost");
    CHECK(local.origins == Texts{"http://localhost:5984"});
    CHECK(policy.relying_party({"LocalHost", true})->origins == Texts{"https://localhost"});
    CHECK(policy.relying_party({"clinic.localhost:1", false})->id == "clinic.localhost");
    for (const char* host : {"", "127.0.0.1:5984", "example.org", "localhost.example.org",
                             "[::1]:5984", "notlocalhost"}) {
        CAPTURE(host);
        const auto refused = policy.relying_party({host, false});
        REQUIRE(refused.has_error());
        CHECK(refused.error().code == Code::not_implemented);
        CHECK(refused.error().reason.find("[passkeys] rp_id") != std::string::npos);
    }
}

TEST_CASE_FIXTURE(PolicyFixture, "passkey policy: a site that is set, whatever the Host") {
    settings.set("passkeys/rp_id", "Example.org");
    CHECK(policy.relying_party({"evil.example", false})->id == "example.org");
    CHECK(policy.relying_party({"localhost", false})->origins == Texts{"https://example.org"});
    settings.set("passkeys/rp_name", "The Clinic");
    settings.set("passkeys/origins", "https://example.org, https://app.example.org:8443");
    settings.set("passkeys/top_origins", "https://portal.example");
    const auto party = policy.relying_party({"x", false}).value();
    CHECK(party.name == "The Clinic");
    CHECK(party.origins == Texts{"https://example.org", "https://app.example.org:8443"});
    CHECK(party.top_origins == Texts{"https://portal.example"});
}

TEST_CASE_FIXTURE(PolicyFixture, "passkey policy: values that are none count as the strictest") {
    CHECK(policy.registration() == RegistrationPolicy::closed);
    CHECK(policy.user_verification() == "required");
    CHECK(policy.attestation() == "none");
    CHECK(policy.timeout() == std::chrono::seconds(300));
    settings.set("passkeys/registration", "invite");
    CHECK(policy.registration() == RegistrationPolicy::invite);
    settings.set("passkeys/registration", "open");
    CHECK(policy.registration() == RegistrationPolicy::open);
    settings.set("passkeys/registration", "Open");
    CHECK(policy.registration() == RegistrationPolicy::closed);
    settings.set("passkeys/user_verification", "sometimes");
    CHECK(policy.user_verification_required());
    settings.set("passkeys/user_verification", "preferred");
    CHECK_FALSE(policy.user_verification_required());
    settings.set("passkeys/timeout", "100000");
    CHECK(policy.timeout() == std::chrono::seconds(600));
}

TEST_CASE_FIXTURE(PolicyFixture, "passkey policy: names of new accounts") {
    for (const char* name : {"ann", "ann-2", "a-name-of-20-letters", "123"}) {
        CHECK(policy.check_name(name).has_value());
    }
    for (const char* name : {"", "an", "a-name-of-21-letters-", "Ann", "ann ", "ann_2", "ann\n",
                             "_ann", "a:n", "änn"}) {
        CAPTURE(name);
        REQUIRE(policy.check_name(name).has_error());
        CHECK(policy.check_name(name).error().code == Code::bad_request);
    }
    settings.set("passkeys/name_pattern", ".*");
    CHECK(policy.check_name("änn@example.org").has_value());
    for (const std::string name : {"", "_ann", "a:n", "a\nn", "\xff"}) {
        CHECK(policy.check_name(name).has_error());
    }
    CHECK(policy.check_name(std::string(129, 'a')).has_error());
    settings.set("passkeys/name_pattern", "[");
    CHECK(policy.check_name("ann").error().code == Code::internal_error);
}

}  // namespace divan::auth
