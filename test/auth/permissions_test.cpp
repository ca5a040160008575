#include "auth/permissions.h"

#include <doctest/doctest.h>

namespace divan::auth {
namespace {

const Identity nobody;
const Identity admin{"admin", {"_admin"}, "default"};
const Identity ann{"ann", {"staff"}, "default"};

bool may_read(const Identity& who, std::string_view security) {
    return check_member(who, security).has_value();
}

}  // namespace

TEST_CASE("security: without one a database is for server admins") {
    CHECK(may_read(admin, ""));
    CHECK_FALSE(may_read(ann, ""));
    CHECK_FALSE(is_database_admin(ann, ""));
    CHECK(is_database_admin(admin, ""));
    CHECK(check_member(nobody, "").error() ==
          Error{Code::unauthorized, "You are not authorized to access this db.", {}});
    CHECK(check_member(ann, "").error() ==
          Error{Code::forbidden, "You are not allowed to access this db.", {}});
}

TEST_CASE("security: no members means everybody") {
    for (const char* open : {
             "{}",
             R"({"members":{}})",
             R"({"members":{"names":[],"roles":[]}})",
             R"({"admins":{"names":["bob"]}})",
             R"({"members":{"names":[]},"readers":{"names":["bob"]}})",
         }) {
        CAPTURE(open);
        CHECK(may_read(nobody, open));
        CHECK(may_read(ann, open));
        CHECK_FALSE(is_database_admin(ann, open));
    }
}

TEST_CASE("security: members are named, or have a role; admins are members too") {
    for (const char* closed : {
             R"({"members":{"names":["ann"]}})",
             R"({"members":{"roles":["other","staff"]}})",
             R"({"readers":{"names":["ann"]}})",
             R"({"admins":{"roles":["staff"]},"members":{"names":["bob"]}})",
         }) {
        CAPTURE(closed);
        CHECK(may_read(ann, closed));
        CHECK(may_read(admin, closed));
        CHECK_FALSE(may_read(nobody, closed));
        CHECK_FALSE(may_read(Identity{"staff", {"ann"}, ""}, closed));
    }
}

TEST_CASE("security: database admins are named, or have a role") {
    CHECK(is_database_admin(ann, R"({"admins":{"names":["ann"]}})"));
    CHECK(is_database_admin(ann, R"({"admins":{"roles":["staff"]}})"));
    CHECK_FALSE(is_database_admin(ann, R"({"members":{"names":["ann"]}})"));
    CHECK_FALSE(is_database_admin(nobody, R"({"admins":{"names":[""]}})"));
}

TEST_CASE("security: what cannot be read admits server admins only") {
    for (const char* broken : {"{", "nonsense"}) {
        CAPTURE(broken);
        CHECK(may_read(admin, broken));
        CHECK_FALSE(may_read(ann, broken));
        CHECK_FALSE(is_database_admin(ann, broken));
    }
}

TEST_CASE("security: objects that CouchDB takes are taken") {
    for (const char* good : {
             "{}",
             R"({"admins":{},"members":{}})",
             R"({"admins":{"names":["a"],"roles":[]},"extra":1})",
             R"({"readers":{"names":["old"]}})",
             R"({"members":{},"readers":"is not looked at"})",
         }) {
        CAPTURE(good);
        CHECK(validate_security(good).has_value());
    }
}

TEST_CASE("security: objects that CouchDB refuses are refused") {
    for (const char* bad : {
             "", "[]", "1", "null", R"("x")",
             R"({"admins":[]})", R"({"admins":null})", R"({"members":true})",
             R"({"readers":"x"})", R"({"admins":{"names":"x"}})",
             R"({"admins":{"names":[1]}})", R"({"members":{"roles":null}})",
             R"({"members":{"roles":[{}]}})",
         }) {
        CAPTURE(bad);
        CHECK(validate_security(bad).error().code == Code::bad_request);
    }
}

}  // namespace divan::auth
