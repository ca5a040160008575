#include "auth/user_databases.h"

#include <doctest/doctest.h>

#include <functional>
#include <thread>

#include "storage/base/json.h"
#include "test/auth/fixture.h"

namespace divan::auth {
namespace {

struct Fixture : AccountsFixture {
    Fixture() { settings.set("couch_peruser/enable", "true"); }

    /// Waits for what the follower does on its thread.
    static void eventually(const std::function<bool()>& condition) {
        while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    std::string security(const std::string& name) {
        const auto database = catalog.open(name);
        return database ? database->settings()->security : std::string();
    }
};

constexpr const char* ann_database = "userdb-616e6e";
constexpr const char* ann_security =
    R"({"members":{"roles":["_admin"],"names":["ann"]},"admins":{"roles":["_admin"],)"
    R"("names":["ann"]}})";

}  // namespace

TEST_CASE("databases of users: named by the bytes of the user's name") {
    CHECK(UserDatabases::name_for("userdb-", "ann") == ann_database);
    CHECK(UserDatabases::name_for("u", "\xc3\xbc") == "uc3bc");
}

// With one digit for a byte below 16, as CouchDB writes it, the second name would be "bob" too, and
// whoever signs up under it the admin and member of Bob's database.
TEST_CASE("databases of users: no two users have the same one") {
    CHECK(UserDatabases::name_for("userdb-", "bob") == "userdb-626f62");
    CHECK(UserDatabases::name_for("userdb-", "\x06&\x0f" "b") == "userdb-06260f62");
}

TEST_CASE("databases of users: _security gets a name, loses it, and keeps what else it has") {
    CHECK(with_user_listed("", "ann", true) == ann_security);
    CHECK(with_user_listed(ann_security, "ann", true) == ann_security);
    CHECK(with_user_listed(R"({"x":1,"admins":{"names":["bob"]}})", "ann", true) ==
          R"({"x":1,"admins":{"names":["ann","bob"]},"members":{"names":["ann"]}})");
    CHECK(with_user_listed(R"({"admins":{"names":["ann","bob"],"roles":["r"]},"members":{}})",
                           "ann", false) ==
          R"({"admins":{"names":["bob"],"roles":["r"]},"members":{"names":[]}})");
}

TEST_CASE_FIXTURE(Fixture, "databases of users: made for those who are there and those who come") {
    write_user("ann", R"("roles":[])");
    settings.set("couch_peruser/q", "4");
    const UserDatabases follower(catalog, settings.reader());
    eventually([&] { return catalog.exists(ann_database); });
    CHECK(security(ann_database) == ann_security);
    CHECK(catalog.open(ann_database)->entry().shards == 4);
    write_user("bob", R"("roles":[])");
    eventually([&] { return catalog.exists("userdb-626f62"); });
}

TEST_CASE_FIXTURE(Fixture, "databases of users: a deleted user is no member any more") {
    write_user("ann", R"("roles":[])");
    const UserDatabases follower(catalog, settings.reader());
    eventually([&] { return catalog.exists(ann_database); });
    delete_user("ann");
    eventually([&] { return security(ann_database).find("ann") == std::string::npos; });
    CHECK(catalog.exists(ann_database));
    write_user("ann", R"("roles":[])");
    eventually([&] { return security(ann_database).find("ann") != std::string::npos; });
}

TEST_CASE_FIXTURE(Fixture, "databases of users: deleted with the user where that is asked for") {
    settings.set("couch_peruser/delete_dbs", "true");
    write_user("ann", R"("roles":[])");
    const UserDatabases follower(catalog, settings.reader());
    eventually([&] { return catalog.exists(ann_database); });
    delete_user("ann");
    eventually([&] { return !catalog.exists(ann_database); });
}

TEST_CASE_FIXTURE(Fixture, "databases of users: switched on live, and gone on with after a stop") {
    settings.set("couch_peruser/enable", "false");
    write_user("ann", R"("roles":[])");
    {
        const UserDatabases follower(catalog, settings.reader());
        settings.set("couch_peruser/enable", "true");
        eventually([&] { return catalog.exists(ann_database); });
    }
    write_user("bob", R"("roles":[])");
    CHECK_FALSE(catalog.exists("userdb-626f62"));
    const UserDatabases follower(catalog, settings.reader());
    eventually([&] { return catalog.exists("userdb-626f62"); });
}

TEST_CASE_FIXTURE(Fixture, "databases of users: a users database made anew is followed") {
    const UserDatabases follower(catalog, settings.reader());
    write_user("ann", R"("roles":[])");
    eventually([&] { return catalog.exists(ann_database); });
    users.reset();
    REQUIRE(catalog.erase("_users"));
    users = catalog.create("_users").value();
    write_user("bob", R"("roles":[])");
    eventually([&] { return catalog.exists("userdb-626f62"); });
}

}  // namespace divan::auth
