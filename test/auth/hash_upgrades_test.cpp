#include "auth/hash_upgrades.h"

#include <doctest/doctest.h>

#include "storage/base/json.h"
#include "storage/database/read_view.h"
#include "test/auth/fixture.h"

namespace divan::auth {
namespace {

struct Fixture : AccountsFixture {
    Fixture() {
        accounts.on_outdated_hash([this](const Credentials& credentials, const PasswordHash& seen) {
            upgrades.ask(credentials, seen);
        });
    }
    std::string document(const std::string& name) {
        return std::string(
            storage::read_winner(*users, std::string(user_id_prefix) + name)->body.text());
    }

    std::vector<std::function<void()>> posted;
    HashUpgrades upgrades{catalog, settings.reader(), accounts,
                          [this](std::function<void()> work) { posted.push_back(work); }};
};

constexpr const char* here = "127.0.0.1";
constexpr const char* old_hash =
    R"("roles":["keep"],"password_scheme":"simple","salt":"NaCl",)"
    R"("password_sha":"ef82f9de7c252ea7907fbcb360ff52ae80bdf476","extra":1)";

}  // namespace

TEST_CASE_FIXTURE(Fixture, "hash upgrades: an old hash is replaced after a sign-in, salt and all") {
    settings.set("chttpd_auth/iterations", "20");
    write_user("ann", old_hash);
    const auto stamp = accounts.find("ann")->stamp;
    CHECK(accounts.verify({"ann", "pw"}, here).has_value());
    CHECK(accounts.verify({"ann", "pw"}, here).has_value());
    REQUIRE(posted.size() == 1);  // once at a time
    posted.front()();
    const auto text = document("ann");
    CHECK(text.starts_with(R"({"password_scheme":"pbkdf2","pbkdf2_prf":"sha256","salt":"NaCl",)"
                           R"("iterations":20,"derived_key":")"));
    CHECK(text.ends_with(R"(","name":"ann","type":"user","roles":["keep"],"extra":1})"));
    CHECK(accounts.find("ann")->stamp == stamp);
    CHECK(accounts.remembered({"ann", "pw"}, here));
    CHECK(accounts.verify({"ann", "pw"}, here).has_value());
    CHECK(accounts.verify({"ann", "px"}, here).has_error());
    CHECK(posted.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "hash upgrades: a password that was changed meanwhile stays") {
    write_user("ann", old_hash);
    CHECK(accounts.verify({"ann", "pw"}, here).has_value());
    write_user("ann", R"("roles":[],)" + hashed("new"));
    const auto before = document("ann");
    posted.front()();
    CHECK(document("ann") == before);
    delete_user("ann");
    posted.front()();
    CHECK_FALSE(accounts.find("ann"));
}

TEST_CASE_FIXTURE(Fixture, "hash upgrades: what cannot be hashed lets the user in all the same") {
    settings.set("chttpd_auth/password_scheme", "bogus");
    write_user("ann", old_hash);
    const auto before = document("ann");
    CHECK(accounts.verify({"ann", "pw"}, here).has_value());
    posted.front()();
    CHECK(document("ann") == before);
}

}  // namespace divan::auth
