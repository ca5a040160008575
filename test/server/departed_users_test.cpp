#include "server/departed_users.h"

#include <doctest/doctest.h>

#include <string>

#include "server/config/config.h"
#include "server/session_settings.h"
#include "test/auth/fixture.h"

namespace divan::server {
namespace {

struct DepartedFixture : auth::AccountsFixture {
    auth::PasskeyCeremonies::FindAccount find = [this](std::string_view name) {
        return accounts.find(name);
    };
    Config config;
    auth::SystemStore store{*engine};
    ConfiguredSessions session_settings{config};
    auth::Sessions sessions{store, session_settings, find, clock};
    auth::PasskeyCeremonies passkeys{store, settings.reader(), find, clock};
    DepartedUsers departed{catalog, settings.reader(), store, passkeys, sessions};

    void sign_up(const std::string& name) {
        write_user(name, R"("roles":[])");
        passkeys.passkeys().user_handle(name);
        passkeys.codes().renew_recovery({name});
        sessions.start(*accounts.find(name), auth::SessionKind::passkey, "127.0.0.1", "test");
    }
    bool has_anything(const std::string& name) {
        return passkeys.passkeys().find_user_handle(name) ||
               passkeys.codes().recovery_left(name) > 0 || !sessions.list(name).empty();
    }
};

}  // namespace

TEST_CASE_FIXTURE(DepartedFixture,
                  "departed users: only documents of users that may go are noted") {
    const auto edit = [](std::string id, bool deleted, bool replicated) {
        storage::Edit made;
        made.id = std::move(id);
        made.deleted = deleted;
        made.replicated = replicated;
        return made;
    };
    std::vector<storage::Edit> edits;
    edits.push_back(edit("org.couchdb.user:ann", true, false));
    edits.push_back(edit("org.couchdb.user:bob", false, false));
    edits.push_back(edit("org.couchdb.user:carl", false, true));
    edits.push_back(edit("_design/auth", true, false));
    CHECK(departed.in_danger(*users, edits) == DepartedUsers::Names{"ann", "carl"});
    const auto other = catalog.create("notes").value();
    CHECK(departed.in_danger(*other, edits).empty());
    CHECK(departed.in_danger("notes").empty());
    sign_up("dora");
    CHECK(departed.in_danger("_users") == DepartedUsers::Names{"dora"});
}

TEST_CASE_FIXTURE(DepartedFixture,
                  "departed users: what is theirs goes, that of those who stay does not") {
    sign_up("ann");
    sign_up("bob");
    departed.note({"ann", "bob"});
    delete_user("ann");
    departed.settle({"ann", "bob"});
    CHECK_FALSE(has_anything("ann"));
    CHECK(has_anything("bob"));
}

TEST_CASE_FIXTURE(DepartedFixture,
                  "departed users: a crash after the deletion is made good at the start") {
    sign_up("ann");
    sign_up("bob");
    departed.note({"ann"});
    delete_user("ann");
    CHECK(has_anything("ann"));
    DepartedUsers next(catalog, settings.reader(), store, passkeys, sessions);
    next.settle_rest();
    CHECK_FALSE(has_anything("ann"));
    CHECK(has_anything("bob"));
    store.each(auth::RecordKind::departing_user, {}, [](std::string_view, BytesView) {
        FAIL_CHECK("a note was left");
        return false;
    });
}

}  // namespace divan::server
