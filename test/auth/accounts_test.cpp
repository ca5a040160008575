#include "auth/accounts.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "test/auth/fixture.h"

namespace divan::auth {
namespace {

constexpr const char* here = "127.0.0.1";
const Error wrong{Code::unauthorized, "Name or password is incorrect.", {}};
const Error locked{Code::forbidden,
                   "Account is temporarily locked due to multiple authentication failures", {}};

using Roles = std::vector<std::string>;

double thread_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace

TEST_CASE_FIXTURE(AccountsFixture, "verify: the right password makes a server admin") {
    const auto account = accounts.verify({"admin", "secret"}, here);
    REQUIRE(account.has_value());
    CHECK(account->name == "admin");
    CHECK(account->identity("default").server_admin());
    CHECK(accounts.verify({"admin", "Secret"}, here).error() == wrong);
    CHECK(accounts.verify({"nobody", "secret"}, here).error() == wrong);
    CHECK(accounts.verify({"", ""}, here).error() == wrong);
}

TEST_CASE_FIXTURE(AccountsFixture, "verify: a user of _users, with the document's roles") {
    write_user("ann", R"("roles":["one","two"],)" + hashed("pw"));
    const auto account = accounts.verify({"ann", "pw"}, here);
    REQUIRE(account.has_value());
    CHECK(account->roles == Roles{"one", "two"});
    CHECK(account->salt == "salt");
    CHECK(account->has_password);
    CHECK(accounts.verify({"ann", "px"}, here).error() == wrong);
    CHECK(accounts.verify({"ann", ""}, here).error() == wrong);
}

TEST_CASE_FIXTURE(AccountsFixture, "find: an admin with a document has the roles of both") {
    write_user("admin", R"("roles":["r1"],)" + hashed("docpw"));
    const auto account = accounts.find("admin");
    REQUIRE(account);
    CHECK(account->roles == Roles{"_admin", "r1"});
    CHECK(accounts.verify({"admin", "secret"}, here).has_value());
    CHECK(accounts.verify({"admin", "docpw"}, here).has_error());

    settings.erase("admins/admin");
    CHECK(accounts.find("admin")->roles == Roles{"r1"});
    CHECK(accounts.verify({"admin", "docpw"}, here).has_value());
    CHECK(accounts.verify({"admin", "secret"}, here).has_error());
}

TEST_CASE_FIXTURE(AccountsFixture, "find: an admin without a document is remembered as one") {
    const auto before = accounts.find("admin");
    REQUIRE(before);
    CHECK(before->roles == Roles{"_admin"});
    write_user("ann", R"("roles":[])");
    CHECK(accounts.find("admin")->roles == Roles{"_admin"});

    write_user("admin", R"("roles":["r1"],)" + hashed("docpw"));
    CHECK(accounts.find("admin")->roles == Roles{"_admin", "r1"});
    CHECK(accounts.find("admin")->stamp == before->stamp);

    settings.set("admins/admin", "another");
    CHECK(accounts.find("admin")->stamp != before->stamp);
    CHECK(accounts.verify({"admin", "another"}, here).has_value());
    CHECK(accounts.verify({"admin", "secret"}, here).has_error());
}

TEST_CASE_FIXTURE(AccountsFixture, "find: a document makes nobody an admin") {
    write_user("ann", R"("roles":["_admin","_x","_metrics","r",7,null])");
    CHECK(accounts.find("ann")->roles == Roles{"_metrics", "r"});
    write_user("bob", R"("roles":{"_admin":true})");
    CHECK(accounts.find("bob")->roles.empty());
}

TEST_CASE_FIXTURE(AccountsFixture, "find: what is written counts at once") {
    CHECK_FALSE(accounts.find("ann"));
    write_user("ann", R"("roles":["one"])");
    CHECK(accounts.find("ann")->roles == Roles{"one"});
    write_user("bob", R"("roles":[])");
    CHECK(accounts.find("ann")->roles == Roles{"one"});
    write_user("ann", R"("roles":["two"])");
    CHECK(accounts.find("ann")->roles == Roles{"two"});
    delete_user("ann");
    CHECK_FALSE(accounts.find("ann"));
    write_user("ann", R"("roles":["three"])");
    CHECK(accounts.find("ann")->roles == Roles{"three"});

    users.reset();
    REQUIRE(catalog.erase("_users"));
    CHECK_FALSE(accounts.find("ann"));
    users = catalog.create("_users").value();
    CHECK_FALSE(accounts.find("ann"));
    CHECK(accounts.find("admin"));
}

TEST_CASE_FIXTURE(AccountsFixture, "find: the database of users is the one that is set") {
    users = catalog.create("people").value();
    write_user("ann", R"("roles":[])");
    CHECK_FALSE(accounts.find("ann"));
    settings.set("chttpd_auth/authentication_db", "people");
    CHECK(accounts.find("ann"));
}

TEST_CASE_FIXTURE(AccountsFixture, "find: without a password there is none to sign in with") {
    write_user("ann", R"("roles":[])");
    CHECK_FALSE(accounts.find("ann")->has_password);
    for (const char* password : {"", "x", "null"}) {
        CHECK(accounts.verify({"ann", password}, here).error() == wrong);
    }
}

TEST_CASE_FIXTURE(AccountsFixture, "stamp: another password changes it, a new hash does not") {
    write_user("ann", R"("roles":[],)" + hashed("pw", "salt", 10));
    const auto before = accounts.find("ann")->stamp;
    write_user("ann", R"("roles":["r"],)" + hashed("pw", "salt", 20));
    CHECK(accounts.find("ann")->stamp == before);
    write_user("ann", R"("roles":["r"],)" + hashed("new", "other", 20));
    CHECK(accounts.find("ann")->stamp != before);

    const auto admin_before = accounts.find("admin")->stamp;
    settings.set("admins/admin", admin_value("secret"));
    CHECK(accounts.find("admin")->stamp != admin_before);
}

TEST_CASE_FIXTURE(AccountsFixture, "remembered: only what was right, with the same password") {
    CHECK_FALSE(accounts.remembered({"admin", "secret"}, here));
    CHECK(accounts.verify({"admin", "secret"}, here).has_value());
    CHECK(accounts.verify({"admin", "wrong"}, here).has_error());
    CHECK(accounts.remembered({"admin", "secret"}, here));
    CHECK_FALSE(accounts.remembered({"admin", "wrong"}, here));
    CHECK_FALSE(accounts.remembered({"nobody", "secret"}, here));

    SUBCASE("a new password forgets the old one at once") {
        settings.set("admins/admin", admin_value("other"));
        CHECK_FALSE(accounts.remembered({"admin", "secret"}, here));
        CHECK(accounts.verify({"admin", "secret"}, here).has_error());
    }
    SUBCASE("an admin who is no more is not remembered") {
        settings.erase("admins/admin");
        CHECK_FALSE(accounts.remembered({"admin", "secret"}, here));
    }
    SUBCASE("after a while without use the hash is computed again") {
        clock.time += std::chrono::minutes(9);
        CHECK(accounts.remembered({"admin", "secret"}, here));
        clock.time += std::chrono::minutes(9);
        CHECK(accounts.remembered({"admin", "secret"}, here));
        clock.time += std::chrono::minutes(11);
        CHECK_FALSE(accounts.remembered({"admin", "secret"}, here));
        CHECK(accounts.verify({"admin", "secret"}, here).has_value());
    }
    SUBCASE("nothing is remembered where that is switched off") {
        settings.set("couch_passwords_cache/enable", "false");
        CHECK_FALSE(accounts.remembered({"admin", "secret"}, here));
    }
}

TEST_CASE_FIXTURE(AccountsFixture, "remembered: a user's new password forgets the old one") {
    write_user("ann", R"("roles":[],)" + hashed("pw"));
    CHECK(accounts.verify({"ann", "pw"}, here).has_value());
    CHECK(accounts.remembered({"ann", "pw"}, here));
    write_user("ann", R"("roles":[],)" + hashed("new"));
    CHECK_FALSE(accounts.remembered({"ann", "pw"}, here));
    CHECK(accounts.verify({"ann", "pw"}, here).error() == wrong);
}

TEST_CASE_FIXTURE(AccountsFixture, "lockout: five failures close the account to that client") {
    write_user("ann", R"("roles":[],)" + hashed("pw"));
    CHECK(accounts.verify({"ann", "pw"}, here).has_value());
    for (int i = 0; i < 5; ++i) CHECK(accounts.verify({"ann", "bad"}, here).error() == wrong);
    CHECK(accounts.verify({"ann", "pw"}, here).error() == locked);
    CHECK_FALSE(accounts.remembered({"ann", "pw"}, here));
    CHECK(accounts.verify({"ann", "pw"}, "192.0.2.7").has_value());

    SUBCASE("not for ever") {
        clock.time += std::chrono::minutes(6);
        CHECK(accounts.verify({"ann", "pw"}, here).has_value());
    }
    SUBCASE("a new password opens it") {
        write_user("ann", R"("roles":[],)" + hashed("new", "fresh salt"));
        CHECK(accounts.verify({"ann", "new"}, here).has_value());
    }
    SUBCASE("the mode is looked at now") {
        for (const char* mode : {"off", "warn", "bogus"}) {
            settings.set("chttpd_auth_lockout/mode", mode);
            CHECK(accounts.verify({"ann", "pw"}, here).has_value());
        }
        settings.set("chttpd_auth_lockout/mode", "enforce");
        CHECK(accounts.verify({"ann", "pw"}, here).error() == locked);
        settings.set("chttpd_auth_lockout/threshold", "6");
        CHECK(accounts.verify({"ann", "pw"}, here).has_value());
    }
}

TEST_CASE_FIXTURE(AccountsFixture, "no oracle: an unknown name is refused and locked like a user") {
    write_user("ann", R"("roles":[],)" + hashed("pw"));
    for (int i = 0; i < 7; ++i) {
        const auto known = accounts.verify({"ann", "bad"}, here);
        const auto unknown = accounts.verify({"nobody", "bad"}, here);
        CHECK(known.error() == unknown.error());
        CHECK(known.error() == (i < 5 ? wrong : locked));
    }
}

TEST_CASE_FIXTURE(AccountsFixture, "conflicts: the document lets nobody in unless it may") {
    write_user("ann", R"("roles":[],)" + hashed("pw"));
    conflict_user("ann", R"("name":"ann","type":"user","roles":[],)" + hashed("pw"));
    CHECK_FALSE(accounts.find("ann"));
    CHECK(accounts.verify({"ann", "pw"}, here).error() ==
          Error{Code::unauthorized,
                "User document conflicts must be resolved before the document is used for "
                "authentication purposes.", {}});
    CHECK_FALSE(accounts.remembered({"ann", "pw"}, here));
    CHECK(accounts.verify({"ann", "bad"}, here).error() == wrong);
    settings.set("chttpd_auth/allow_conflicted_user_docs", "true");
    CHECK(accounts.verify({"ann", "pw"}, here).has_value());
    CHECK(accounts.find("ann"));
}

TEST_CASE_FIXTURE(AccountsFixture, "second factor: both are needed, and nothing is remembered") {
    write_user("ann", R"("roles":[],"totp":{"key":"JBSWY3DPEHPK3PXP"},)" + hashed("pw"));
    clock.seconds = 59;
    CHECK(accounts.verify({"ann", "pw"}, here).error() == wrong);
    CHECK(accounts.verify({"ann", "pw", ""}, here).error() == wrong_code());
    CHECK(accounts.verify({"ann", "pw", "000000"}, here).error() == wrong_code());
    CHECK(wrong_code().reason == wrong.reason);
    CHECK(accounts.verify({"ann", "bad", "996554"}, here).error() == wrong);
    CHECK(accounts.verify({"ann", "pw", "996554"}, here).has_value());
    CHECK_FALSE(accounts.remembered({"ann", "pw"}, here));
    CHECK(accounts.verify({"ann", "pw", "996554"}, here).error() == wrong_code());  // good once
}

TEST_CASE_FIXTURE(AccountsFixture, "outdated hashes are told, of documents alone") {
    std::vector<std::string> told;
    accounts.on_outdated_hash([&](const Credentials& credentials, const PasswordHash&) {
        told.push_back(credentials.name);
    });
    write_user("ann", R"("roles":[],)" + hashed("pw", "salt", 9));
    write_user("bob", R"("roles":[],)" + hashed("pw", "salt", 10));
    settings.set("admins/admin", hash_admin_password("secret", {"simple", "", 1}).value());
    for (const char* name : {"ann", "bob"}) CHECK(accounts.verify({name, "pw"}, here).has_value());
    CHECK(accounts.verify({"admin", "secret"}, here).has_value());
    CHECK(told == Roles{"ann"});

    settings.set("chttpd_auth/upgrade_hash_on_auth", "false");
    CHECK(accounts.verify({"ann", "pw"}, here).has_value());
    settings.erase("chttpd_auth/upgrade_hash_on_auth");
    settings.set("chttpd_auth/password_scheme", "simple");
    CHECK(accounts.verify({"bob", "pw"}, here).has_value());
    CHECK(told == Roles{"ann", "bob"});
}

TEST_CASE_FIXTURE(AccountsFixture, "verify: many threads at once all get the right answer") {
    settings.set("chttpd_auth_lockout/mode", "off");
    std::vector<std::thread> threads;
    std::atomic<int> as_expected{0};
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            const bool good = i % 2 == 0;
            const auto account = accounts.verify({"admin", good ? "secret" : "wrong"}, here);
            if (account.has_value() == good) ++as_expected;
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(as_expected == 8);
}

TEST_CASE("CVE-2010-0009: one code path for every failure, and compares that take constant time") {
    // What is compared byte by byte would be found out byte by byte; what is not computed for
    // unknown names would tell them apart. Both are seen in what a failure costs: the same number
    // of iterations, whether there is a hash, an old one, or none.
    const AccountsFixture fixture;
    // The least of several: what else the machine does only adds to it.
    const auto least_cost = [](const std::function<void()>& work) {
        double least = 1e9;
        for (int i = 0; i < 5; ++i) {
            const double before = thread_seconds();
            work();
            least = std::min(least, thread_seconds() - before);
        }
        return least;
    };
    const PasswordHash none;
    const PasswordHash old{PasswordHash::Scheme::simple, {}, "ab", "salt", 0};
    const PasswordHash bcrypt{PasswordHash::Scheme::bcrypt, {},
                              "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", {},
                              0};
    PasswordHash current{PasswordHash::Scheme::pbkdf2, "sha256", "ab", "salt", 20'000};
    // As many rounds as cost half more than bcrypt: how many that are is the processor's affair.
    const double of_bcrypt = least_cost([&] { is_password(bcrypt, "guess"); });
    const double of_rounds = least_cost([&] { is_password(current, "guess"); });
    current.iterations = static_cast<std::int64_t>(1.5 * of_bcrypt / of_rounds * 20'000);
    TestSettings settings;
    settings.set("chttpd_auth/iterations", std::to_string(current.iterations));
    PasswordCheck check(settings.reader(), fixture.clock);
    const auto cost = [&](const PasswordHash& hash) {
        return least_cost([&] { CHECK_FALSE(check.right({"ann", "guess"}, hash)); });
    };
    const double of_current = cost(current);
    CHECK(cost(none) > of_current / 4);
    CHECK(cost(old) > of_current / 4);
    // One of another kind is no dearer either: with all the rounds on top it would cost 1.67 times
    // as much. Each time beside a current one: a busy neighbour slows both.
    double dearer = 1e9;
    for (int tries = 0; tries < 20 && dearer >= 1.4; ++tries) {
        dearer = std::min(dearer, cost(bcrypt) / cost(current));
    }
    CHECK(dearer < 1.4);
}

}  // namespace divan::auth
