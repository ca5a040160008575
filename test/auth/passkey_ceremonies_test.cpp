#include "auth/passkey_ceremonies.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "storage/base/digest.h"
#include "storage/engine/memory_engine.h"
#include "test/auth/fixture.h"
#include "test/auth/webauthn/software_authenticator.h"

namespace divan::auth {
namespace {

using test::SoftwareAuthenticator;

struct CeremoniesFixture {
    std::unique_ptr<storage::Engine> engine = storage::make_memory_engine();
    SystemStore store{*engine};
    TestClock clock;
    TestSettings settings;
    std::map<std::string, Account, std::less<>> accounts;
    PasskeyCeremonies ceremonies{store, settings.reader(),
                                 [this](std::string_view name) -> std::optional<Account> {
                                     const auto found = accounts.find(name);
                                     if (found == accounts.end()) return std::nullopt;
                                     return found->second;
                                 },
                                 clock};
    RelyingParty site{"example.org", "Example", {"https://example.org"}, {}};

    CeremoniesFixture() { add_account("ann"); }

    void add_account(const std::string& name) {
        Account account;
        account.name = name;
        accounts[name] = account;
    }
    std::string give(Ceremony ceremony) {
        return base64url_encode(
            ceremonies.challenges().give(std::move(ceremony), "client", std::chrono::minutes(5)));
    }
    Result<NewPasskey> answer(const SoftwareAuthenticator& authenticator,
                              const std::string& challenge) {
        const auto json = parse_json(authenticator.create(challenge)).value();
        return ceremonies.verify_registration(webauthn::parse_registration_response(json).value(),
                                              site, {"client"});
    }
    /// Registers the authenticator for a user that exists.
    void enroll(const SoftwareAuthenticator& authenticator, const std::string& user) {
        const auto ceremony = ceremonies.admit_registration({user, {}, {}}).value();
        ceremonies.keep(answer(authenticator, give(ceremony)).value()).value();
    }
    Result<SignIn> sign_in(const SoftwareAuthenticator& authenticator, const std::string& name,
                           const std::string& handle) {
        Ceremony ceremony;
        ceremony.user = name;
        const auto json = authenticator.get(give(ceremony), handle);
        return ceremonies.verify_sign_in(
            webauthn::parse_authentication_response(parse_json(json).value()).value(), site,
            {"client"});
    }
    std::string handle(const std::string& user) {
        return base64url_encode(ceremonies.passkeys().user_handle(user));
    }
    std::string refusal_of(const RegistrationRequest& request) {
        const auto admitted = ceremonies.admit_registration(request);
        return admitted ? std::string("(admitted)") : admitted.error().reason;
    }
};

template <class T>
Code code_of(const Result<T>& result) {
    REQUIRE(result.has_error());
    return result.error().code;
}

}  // namespace

TEST_CASE_FIXTURE(CeremoniesFixture, "passkey sign-in: with a name and without") {
    SoftwareAuthenticator authenticator;
    enroll(authenticator, "ann");
    CHECK(sign_in(authenticator, "ann", "")->account.name == "ann");
    CHECK(sign_in(authenticator, "ann", handle("ann"))->account.name == "ann");
    CHECK(sign_in(authenticator, "", handle("ann"))->account.name == "ann");
    CHECK(ceremonies.passkeys().find(authenticator.id)->last_used == clock.seconds);
}

TEST_CASE_FIXTURE(CeremoniesFixture,
                  "passkey sign-in: every failure but one's own looks the same") {
    SoftwareAuthenticator anns, bobs, unknown;
    add_account("bob");
    enroll(anns, "ann");
    enroll(bobs, "bob");
    const Error same{Code::unauthorized, "The passkey was not accepted.", {}};
    CHECK(sign_in(unknown, "ann", "").error() == same);
    CHECK(sign_in(unknown, "nobody", "").error() == same);
    CHECK(sign_in(unknown, "", handle("ann")).error() == same);
    CHECK(sign_in(bobs, "ann", "").error() == same);
    CHECK(sign_in(bobs, "", handle("ann")).error() == same);
    CHECK(sign_in(bobs, "bob", handle("ann")).error() == same);
    auto forged = unknown;
    forged.id = anns.id;
    CHECK(sign_in(forged, "ann", "").error() == same);
    accounts.erase("ann");
    CHECK(sign_in(anns, "ann", "").error() == same);
    CHECK(code_of(sign_in(bobs, "", "")) == Code::bad_request);
}

TEST_CASE_FIXTURE(CeremoniesFixture, "passkey sign-in: the counter of a copied authenticator") {
    SoftwareAuthenticator authenticator;
    authenticator.counter = 5;
    enroll(authenticator, "ann");
    authenticator.counter = 6;
    CHECK(sign_in(authenticator, "ann", "").has_value());
    CHECK(code_of(sign_in(authenticator, "ann", "")) == Code::forbidden);
    authenticator.counter = 7;
    CHECK(sign_in(authenticator, "ann", "").has_value());
}

TEST_CASE_FIXTURE(CeremoniesFixture, "passkey ceremonies: an answer is good once, for its kind") {
    SoftwareAuthenticator authenticator;
    const auto ceremony = ceremonies.admit_registration({"ann", {}, {}}).value();
    const auto challenge = give(ceremony);
    CHECK(answer(authenticator, challenge).has_value());
    CHECK(code_of(answer(authenticator, challenge)) == Code::bad_request);
    CHECK(code_of(answer(authenticator, give(Ceremony{}))) == Code::bad_request);
    CHECK(code_of(answer(authenticator, "bmV2ZXIgZ2l2ZW4")) == Code::bad_request);
    const auto made = answer(authenticator, give(ceremony)).value();
    CHECK(ceremonies.keep(made).has_value());
    CHECK(code_of(ceremonies.keep(made)) == Code::forbidden);
}

TEST_CASE_FIXTURE(CeremoniesFixture, "passkey registration: user verification by policy") {
    SoftwareAuthenticator authenticator;
    authenticator.flags = 0x01;
    const auto ceremony = ceremonies.admit_registration({"ann", {}, {}}).value();
    CHECK(code_of(answer(authenticator, give(ceremony))) == Code::bad_request);
    settings.set("passkeys/user_verification", "preferred");
    CHECK(answer(authenticator, give(ceremony)).has_value());
}

TEST_CASE_FIXTURE(CeremoniesFixture, "passkey registration: for oneself when signed in") {
    const auto own = ceremonies.admit_registration({"ann", {}, {}}).value();
    CHECK(own.user == "ann");
    CHECK_FALSE(own.new_account);
    CHECK(base64url_encode(own.user_handle) == handle("ann"));
    CHECK(ceremonies.admit_registration({"ann", "ann", {}})->user == "ann");
    CHECK(refusal_of({"ann", "bob", {}}) == "Accounts are made by invitation here.");
    CHECK(refusal_of({"from-elsewhere", {}, {}}) == "Your account is not one of this server's.");
}

TEST_CASE_FIXTURE(CeremoniesFixture, "passkey registration: open makes new accounts, takes none") {
    const std::string closed = "Accounts are made by invitation here.";
    CHECK(refusal_of({"", "bob", {}}) == closed);
    settings.set("passkeys/registration", "invite");
    CHECK(refusal_of({"", "bob", {}}) == closed);
    CHECK(refusal_of({"", "ann", {}}) == closed);
    settings.set("passkeys/registration", "open");
    const auto admitted = ceremonies.admit_registration({"", "bob", {}}).value();
    CHECK(admitted.new_account);
    CHECK(admitted.user == "bob");
    CHECK(admitted.roles.empty());
    CHECK(admitted.user_handle.size() == 64);
    CHECK(code_of(ceremonies.admit_registration({"", "ann", {}})) == Code::conflict);
    CHECK(code_of(ceremonies.admit_registration({"", "B", {}})) == Code::bad_request);
    CHECK(code_of(ceremonies.admit_registration({"", {}, {}})) == Code::bad_request);

    SoftwareAuthenticator authenticator;
    add_account("bob");
    const auto recovery = ceremonies.keep(answer(authenticator, give(admitted)).value()).value();
    CHECK(recovery.size() == recovery_codes_count);
    CHECK(ceremonies.codes().is_recovery({"bob"}, recovery.front()));
}

TEST_CASE_FIXTURE(CeremoniesFixture, "passkey registration: by an invitation") {
    const auto invite = [&](std::string name) {
        return ceremonies.codes().invite({std::move(name), {"nurse"}, "admin", 0}, 60)->code;
    };
    const std::string bad = "The code is not valid, was used, or has expired.";
    const auto anyone = invite(""), for_bob = invite("bob"), for_ann = invite("ann");
    CHECK(refusal_of({"", "bob", "0000-0000-0000-0000"}) == bad);
    CHECK(refusal_of({"", "carl", anyone}) == bad);
    CHECK(refusal_of({"", "carl", for_bob}) == bad);

    const auto bob = ceremonies.admit_registration({"", {}, for_bob}).value();
    CHECK(bob.new_account);
    CHECK(bob.user == "bob");
    CHECK(bob.roles == std::vector<std::string>{"nurse"});
    const auto ann = ceremonies.admit_registration({"", {}, for_ann}).value();
    CHECK_FALSE(ann.new_account);
    CHECK(ann.user == "ann");

    settings.set("passkeys/registration", "invite");
    CHECK(ceremonies.admit_registration({"", "carl", anyone})->user == "carl");
    CHECK(refusal_of({"", {}, anyone}) == "Choose a user name.");
    CHECK(refusal_of({"", "ann", anyone}) == "The name is taken.");

    SoftwareAuthenticator first, second;
    add_account("bob");
    const auto made = answer(first, give(bob)).value(), again = answer(second, give(bob)).value();
    CHECK(ceremonies.keep(made).has_value());
    CHECK(code_of(ceremonies.keep(again)) == Code::forbidden);
    CHECK(refusal_of({"", {}, for_bob}) == bad);
}

TEST_CASE_FIXTURE(CeremoniesFixture,
                  "passkey registration: by a recovery code, for its user alone") {
    add_account("bob");
    const auto code = ceremonies.codes().renew_recovery({"ann"}).front();
    const std::string bad = "The code is not valid, was used, or has expired.";
    CHECK(refusal_of({"", "bob", code}) == bad);
    CHECK(refusal_of({"", {}, code}) == bad);
    CHECK(refusal_of({"", "nobody", code}) == bad);
    const auto admitted = ceremonies.admit_registration({"", "ann", code}).value();
    CHECK_FALSE(admitted.new_account);
    SoftwareAuthenticator authenticator;
    CHECK(ceremonies.keep(answer(authenticator, give(admitted)).value())->empty());
    CHECK(refusal_of({"", "ann", code}) == bad);
}

TEST_CASE_FIXTURE(CeremoniesFixture,
                  "passkey registration: nothing is kept for who went meanwhile") {
    SoftwareAuthenticator authenticator;
    const auto ceremony = ceremonies.admit_registration({"ann", {}, {}}).value();
    const auto made = answer(authenticator, give(ceremony)).value();
    storage::Batch batch;
    ceremonies.forget("ann", batch);
    store.commit(batch);
    CHECK(code_of(ceremonies.keep(made)) == Code::forbidden);
    ceremonies.passkeys().user_handle("ann");  // somebody else has the name now
    CHECK(code_of(ceremonies.keep(made)) == Code::forbidden);

    settings.set("passkeys/registration", "open");
    const auto admitted = ceremonies.admit_registration({"", "bob", {}}).value();
    const auto bobs = answer(authenticator, give(admitted)).value();
    CHECK(code_of(ceremonies.keep(bobs)) == Code::forbidden);  // its document was never written
    add_account("bob");
    CHECK(ceremonies.keep(bobs).has_value());
}

TEST_CASE_FIXTURE(CeremoniesFixture, "passkey sign-in: a user's passkey is not that of an admin") {
    SoftwareAuthenticator users, admins, next;
    enroll(users, "ann");
    accounts["ann"].roles = {"_admin"};  // an admin of that name comes
    CHECK(code_of(sign_in(users, "ann", "")) == Code::unauthorized);
    enroll(admins, "ann");
    CHECK(sign_in(admins, "ann", "").has_value());
    accounts["ann"].roles.clear();
    CHECK(code_of(sign_in(admins, "ann", "")) == Code::unauthorized);
    CHECK(sign_in(users, "ann", "").has_value());

    // An account made anew keeps nothing of whoever had the name.
    accounts.erase("ann");
    settings.set("passkeys/registration", "open");
    const auto ceremony = ceremonies.admit_registration({"", "ann", {}}).value();
    const auto made = answer(next, give(ceremony)).value();
    add_account("ann");
    CHECK(ceremonies.keep(made).has_value());
    CHECK(code_of(sign_in(users, "ann", "")) == Code::unauthorized);
    CHECK(sign_in(next, "ann", "").has_value());
}

TEST_CASE_FIXTURE(CeremoniesFixture, "passkey options: unknown names are offered what looks real") {
    SoftwareAuthenticator authenticator;
    enroll(authenticator, "ann");
    const auto real = ceremonies.offered("ann");
    REQUIRE(real.size() == 1);
    CHECK(real.front().id == authenticator.id);
    const auto decoys = ceremonies.offered("nobody");
    CHECK_FALSE(decoys.empty());
    CHECK(decoys.front().id == ceremonies.offered("nobody").front().id);
    CHECK_FALSE(decoys.front().transports.empty());
    add_account("password-only");
    CHECK_FALSE(ceremonies.offered("password-only").empty());
    accounts.erase("ann");
    CHECK(ceremonies.offered("ann").front().id != authenticator.id);
}

}  // namespace divan::auth
