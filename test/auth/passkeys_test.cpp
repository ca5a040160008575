#include "auth/passkeys.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "auth/account_codes.h"
#include "storage/engine/memory_engine.h"
#include "test/auth/fixture.h"

namespace divan::auth {
namespace {

struct PasskeysFixture {
    std::unique_ptr<storage::Engine> engine = storage::make_memory_engine();
    SystemStore store{*engine};
    TestClock clock;
    AccountCodes codes{store, clock};
    Passkeys passkeys{store, clock};

    static Passkey passkey(Bytes id, std::string user) {
        Passkey made;
        made.id = std::move(id);
        made.user = std::move(user);
        made.public_key = "key of " + made.id;
        made.sign_count = 7;
        made.backup_eligible = true;
        made.backed_up = true;
        made.attestation = webauthn::AttestationType::self;
        made.aaguid = Bytes(16, 'a');
        made.transports = {"hybrid", "internal"};
        made.label = "Ann's \"phone\"";
        return made;
    }
    Result<void> try_to_add(Bytes id, const std::string& user) {
        storage::Batch batch;
        const auto added = passkeys.add(passkey(std::move(id), user), "handle of " + user, batch);
        if (added) store.commit(batch);
        return added;
    }
    void add(Bytes id, const std::string& user) { try_to_add(std::move(id), user).value(); }
    std::vector<Bytes> ids(std::string_view user) const {
        std::vector<Bytes> found;
        for (const auto& each : passkeys.of_user(user)) found.push_back(each.id);
        return found;
    }
    void forget(std::string_view user) {
        storage::Batch batch;
        passkeys.forget(user, batch);
        codes.forget(user, batch);
        store.commit(batch);
    }
};

}  // namespace

TEST_CASE_FIXTURE(PasskeysFixture, "passkeys: reads back all that was kept") {
    const Bytes id("\0id\xff", 4);
    add(id, "ann");
    const auto found = passkeys.find(id).value();
    CHECK(found.id == id);
    CHECK(found.user == "ann");
    CHECK(found.public_key == Bytes("key of ") + id);
    CHECK(found.sign_count == 7);
    CHECK(found.backup_eligible);
    CHECK(found.backed_up);
    CHECK_FALSE(found.user_verified);
    CHECK(found.attestation == webauthn::AttestationType::self);
    CHECK(found.aaguid == Bytes(16, 'a'));
    CHECK(found.transports == std::vector<std::string>{"hybrid", "internal"});
    CHECK(found.label == "Ann's \"phone\"");
    CHECK(found.created == clock.seconds);
    CHECK(found.last_used == 0);
    CHECK_FALSE(passkeys.find("another"));
}

TEST_CASE_FIXTURE(PasskeysFixture, "passkeys: an id is one user's, whoever comes second") {
    add("1", "ann");
    const auto again = try_to_add("1", "bob");
    REQUIRE(again.has_error());
    CHECK(again.error().code == Code::forbidden);
    CHECK(passkeys.find("1")->user == "ann");
    CHECK(ids("bob").empty());
    CHECK_FALSE(passkeys.find_user_handle("bob"));
}

TEST_CASE_FIXTURE(PasskeysFixture, "passkeys: several a user, whose name begins another's") {
    add("2", "ann");
    add("1", "ann");
    add("3", "anna");
    add("4", std::string("ann\0a", 5));
    CHECK(ids("ann") == std::vector<Bytes>{"1", "2"});
    CHECK(ids("anna") == std::vector<Bytes>{"3"});
    CHECK(passkeys.any_of_user("ann"));
    CHECK_FALSE(passkeys.any_of_user("an"));
    for (std::size_t i = 2; i < passkeys_max; ++i) add("more" + std::to_string(i), "ann");
    CHECK(try_to_add("one too many", "ann").error().code == Code::forbidden);
}

TEST_CASE_FIXTURE(PasskeysFixture, "passkeys: only their user renames and removes them") {
    add("1", "ann");
    CHECK_FALSE(passkeys.rename("bob", "1", "mine"));
    CHECK_FALSE(passkeys.remove("bob", "1"));
    CHECK(passkeys.rename("ann", "1", "old phone")->label == "old phone");
    CHECK(passkeys.find("1")->label == "old phone");
    CHECK(passkeys.remove("ann", "1"));
    CHECK_FALSE(passkeys.remove("ann", "1"));
    CHECK_FALSE(passkeys.find("1"));
    CHECK(ids("ann").empty());
}

TEST_CASE_FIXTURE(PasskeysFixture, "passkeys: a sign-in moves the counter on, never back") {
    add("1", "ann");
    clock.seconds += 5;
    CHECK(passkeys.used("1", {9, true, false}).has_value());
    auto found = passkeys.find("1").value();
    CHECK(found.sign_count == 9);
    CHECK(found.last_used == clock.seconds);
    CHECK(found.user_verified);
    CHECK_FALSE(found.backed_up);
    CHECK(passkeys.used("1", {9, true, false}).error().code == Code::forbidden);
    CHECK(passkeys.used("1", {0, true, false}).error().code == Code::forbidden);
    CHECK(passkeys.used("2", {1, true, false}).error().code == Code::forbidden);
    CHECK(passkeys.find("1")->sign_count == 9);
}

TEST_CASE_FIXTURE(PasskeysFixture, "passkeys: a user's handle is random, and stays") {
    const auto handle = passkeys.user_handle("ann");
    CHECK(handle.size() == 64);
    CHECK(passkeys.user_handle("ann") == handle);
    CHECK(passkeys.user_handle("bob") != handle);
    CHECK(passkeys.users() == std::vector<std::string>{"ann", "bob"});
}

TEST_CASE_FIXTURE(PasskeysFixture, "passkeys: nothing of a forgotten user is left") {
    const auto handle = passkeys.user_handle("ann");
    add("1", "ann");
    add("2", "ann");
    add("3", "bob");
    codes.renew_recovery({"ann"});
    codes.renew_recovery({"bob"});
    const auto invitation = codes.invite({"ann", {}, "admin", 0}, 60).value();
    forget("ann");
    CHECK(ids("ann").empty());
    CHECK_FALSE(passkeys.find("1"));
    CHECK(codes.recovery_left("ann") == 0);
    CHECK_FALSE(codes.find_invitation(invitation.code));
    CHECK(passkeys.user_handle("ann") != handle);
    CHECK(ids("bob") == std::vector<Bytes>{"3"});
    CHECK(codes.recovery_left("bob") == recovery_codes_count);
}

TEST_CASE_FIXTURE(PasskeysFixture, "decoy passkeys: the same for a name at every start") {
    const auto ids_of = [](const DecoyPasskeys& decoys, std::string_view user) {
        std::vector<Bytes> ids;
        for (const auto& decoy : decoys.of_user(user)) ids.push_back(decoy.id);
        return ids;
    };
    const DecoyPasskeys decoys(store);
    const auto ann = ids_of(decoys, "ann");
    CHECK(ids_of(DecoyPasskeys(store), "ann") == ann);
    CHECK(ids_of(decoys, "bob") != ann);
    const auto other = storage::make_memory_engine();
    SystemStore other_store(*other);
    CHECK(ids_of(DecoyPasskeys(other_store), "ann") != ann);
    std::set<std::size_t> counts, sizes;
    for (int i = 0; i < 100; ++i) {
        const auto made = decoys.of_user("user" + std::to_string(i));
        counts.insert(made.size());
        for (const auto& decoy : made) sizes.insert(decoy.id.size());
    }
    CHECK(counts == std::set<std::size_t>{1, 2});
    CHECK(sizes == std::set<std::size_t>{16, 20, 32, 48});
}

}  // namespace divan::auth
