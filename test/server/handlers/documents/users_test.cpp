#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>

#include "storage/base/digest.h"
#include "storage/base/json.h"
#include "test/support/test_server.h"

namespace divan::test {
namespace {

Headers basic(std::string_view credentials) {
    return {{"Authorization", "Basic " + base64_encode(credentials)},
            {"Content-Type", "application/json"}};
}

const Headers nobody = {{"Authorization", ""}, {"Content-Type", "application/json"}};

std::string address(std::string_view name) {
    return "/_users/org.couchdb.user:" + std::string(name);
}

std::string user(std::string_view name, std::string_view more = R"("password":"pw")") {
    return R"({"_id":"org.couchdb.user:)" + std::string(name) + R"(","name":")" +
           std::string(name) + R"(","type":"user","roles":[],)" + std::string(more) + "}";
}

struct Fixture {
    bool signs_in(std::string_view credentials) {
        return server.request("GET", "/", {}, basic(credentials)).status == 200;
    }
    /// The database of users as `_security` of everybody leaves it.
    void open_users() {
        REQUIRE(server.put("/_node/_local/_config/couchdb/users_db_security_editable", "\"true\"")
                    .status == 200);
        REQUIRE(server.put("/_users/_security", R"({"admins":{"names":["dba"]},"members":{}})")
                    .status == 200);
    }
    std::string member(std::string_view name, std::string_view key) {
        const auto document = parse_json(server.get(address(name)).body).value();
        const auto* found = document.find(key);
        return found ? found->dump() : std::string();
    }

    TestServer server;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "users: a password is hashed whichever way its document comes") {
    CHECK(server.put(address("put"), user("put")).status == 201);
    CHECK(server.post("/_users", user("post")).status == 201);
    const auto bulk = server.post("/_users/_bulk_docs",
                                  R"({"docs":[)" + user("bulk") + R"(,{"_id":"x"}]})");
    CHECK(bulk.status == 201);
    CHECK(bulk.body.find(R"("error":"forbidden","reason":"doc.type must be user")") !=
          std::string::npos);
    const auto replicated =
        R"({"new_edits":false,"docs":[)" +
        user("replicated", R"("_rev":"3-0123456789abcdef0123456789abcdef","password":"pw")") + "]}";
    CHECK(server.post("/_users/_bulk_docs", replicated).body == "[]\n");
    const auto related =
        server.request("PUT", address("related"),
                       "--b\r\nContent-Type: application/json\r\n\r\n" + user("related") +
                           "\r\n--b--",
                       {{"Content-Type", "multipart/related; boundary=\"b\""}});
    CHECK(related.status == 201);
    for (const std::string name : {"put", "post", "bulk", "replicated", "related"}) {
        CAPTURE(name);
        CHECK(signs_in(name + ":pw"));
        CHECK(member(name, "password").empty());
        CHECK(member(name, "password_scheme") == "\"pbkdf2\"");
        CHECK(member(name, "salt").size() == 34);
    }
    CHECK(member("replicated", "_rev") == "\"3-0123456789abcdef0123456789abcdef\"");
}

TEST_CASE_FIXTURE(Fixture, "users: the database is closed, and its _security too") {
    CHECK(server.put(address("ann"), user("ann")).status == 201);
    CHECK(server.request("GET", address("ann"), {}, basic("ann:pw")).status == 403);
    CHECK(server.request("GET", address("ann"), {}, nobody).status == 401);
    CHECK(server.put("/_users/_security", "{}").status == 403);
}

TEST_CASE_FIXTURE(Fixture, "users: in an opened database the own document, and no other") {
    open_users();
    CHECK(server.put(address("ann"), user("ann")).status == 201);
    CHECK(server.put(address("bob"), user("bob")).status == 201);
    const Headers ann = basic("ann:pw");
    CHECK(server.request("GET", address("ann"), {}, ann).status == 200);
    for (const char* way : {"", "?revs=true", "?open_revs=all", "?rev=1-x", "/file"}) {
        CAPTURE(way);
        const auto reply = server.request("GET", address("bob") + way, {}, ann);
        CHECK(reply.status >= 400);
        CHECK(reply.body.find("derived_key") == std::string::npos);
    }
    const std::string wanted = R"({"docs":[{"id":"org.couchdb.user:bob"},)"
                               R"({"id":"org.couchdb.user:ann"},{"id":"_design/x"}]})";
    const auto got = server.request("POST", "/_users/_bulk_get", wanted, ann);
    CHECK(got.body.find(R"("name":"ann")") != std::string::npos);
    CHECK(got.body.find(R"("name":"bob")") == std::string::npos);
    for (const std::string selector : {"{}", R"({"type":"user"})", R"({"_id":{"$gt":null}})",
                                 R"({"$or":[{"name":"bob"},{"name":"ann"}]})"}) {
        CAPTURE(selector);
        const auto query = R"({"selector":)" + std::string(selector) + "}";
        const auto found = server.request("POST", "/_users/_find", query, ann).body;
        CHECK(found.find(R"("name":"ann")") != std::string::npos);
        CHECK(found.find(R"("name":"bob")") == std::string::npos);
        const auto unknown = server.request("POST", "/_users/_find", query, nobody);
        CHECK(unknown.body.find(R"("name")") == std::string::npos);
    }
    for (const char* way : {"_revs_diff", "_missing_revs"}) {
        const auto reply = server.request("POST", std::string("/_users/") + way,
                                          R"({"org.couchdb.user:bob":["9-x"]})", ann);
        CHECK(reply.status == 200);
        CHECK(reply.body.find("possible_ancestors") == std::string::npos);
    }
    CHECK(server.request("GET", "/_users/_design/x/_view/y", {}, ann).status >= 403);
    CHECK(server.request("GET", "/_users/_all_docs", {}, ann).status == 401);
    CHECK(server.request("GET", "/_users/_changes", {}, ann).status == 401);
    CHECK(server.request("GET", "/_users/_design_docs?include_docs=true", {}, ann).status == 403);
    CHECK(server.request("GET", "/_users/_design/x", {}, ann).status == 403);
    auto copying = ann;
    copying.emplace_back("Destination", "org.couchdb.user:ann2");
    CHECK(server.request("COPY", address("bob"), {}, copying).status == 404);

    CHECK(server.request("PUT", address("bob"), user("bob"), ann).status == 404);
    CHECK(server.request("PUT", address("eve"), user("eve"), ann).status == 404);
    CHECK(server.request("DELETE", address("bob"), {}, ann).status == 404);
    CHECK(server.request("PUT", "/_users/_local/x", "{}", ann).status == 404);
    const auto both = R"({"docs":[)" + user("ann") + "," + user("bob") + "]}";
    CHECK(server.request("POST", "/_users/_bulk_docs", both, ann).status == 404);
}

TEST_CASE_FIXTURE(Fixture, "users: a database admin of _users sees and writes every document") {
    open_users();
    CHECK(server.put(address("dba"), user("dba")).status == 201);
    CHECK(server.put(address("ann"), user("ann")).status == 201);
    CHECK(server.request("GET", address("ann"), {}, basic("dba:pw")).status == 200);
    CHECK(server.request("PUT", address("bob"), user("bob"), basic("dba:pw")).status == 201);
}

TEST_CASE_FIXTURE(Fixture, "users: a conflict is told before a rule that is broken") {
    CHECK(server.put(address("ann"), user("ann")).status == 201);
    CHECK(server.put(address("ann"), R"({"type":"user"})").status == 409);
}

TEST_CASE_FIXTURE(Fixture, "users: passwords that cannot be, and rules on them") {
    const auto told = [&](std::string_view more) {
        const auto reply = server.put(address("ann"), user("ann", more));
        return std::to_string(reply.status) + " " +
               parse_json(reply.body).value().find("reason")->string();
    };
    CHECK(told(R"("password":7)") == "403 Password value of '7' is invalid.");
    const auto rules = [&](const std::string& value) {
        const auto json = json_string(value);
        REQUIRE(server.put("/_node/_local/_config/chttpd_auth/password_regexp", json).status ==
                200);
    };
    rules(R"([{"^.{6,}$", "Six signs at least."}, "\\d"])");
    CHECK(told(R"("password":"pw")") ==
          "400 Password does not conform to requirements. Six signs at least.");
    CHECK(told(R"("password":"long enough")") == "400 Password does not conform to requirements.");
    rules("nonsense");
    CHECK(told(R"("password":"pw")") == "403 Server cannot hash passwords at this time.");
    rules(R"(["("])");
    CHECK(told(R"("password":"pw")") == "403 Server cannot hash passwords at this time.");
    rules("[]");
    CHECK(server.put(address("ann"), user("ann")).status == 201);
}

TEST_CASE_FIXTURE(Fixture, "users: a sign-in brings an old hash up to date") {
    const std::string old_hash = R"("password_scheme":"simple","salt":"NaCl",)"
                                 R"("password_sha":"ef82f9de7c252ea7907fbcb360ff52ae80bdf476")";
    CHECK(server.put(address("ann"), user("ann", old_hash)).status == 201);
    CHECK(signs_in("ann:pw"));
    while (member("ann", "password_scheme") != "\"pbkdf2\"") {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    CHECK(member("ann", "salt") == "\"NaCl\"");
    CHECK(signs_in("ann:pw"));
}

TEST_CASE_FIXTURE(Fixture, "users: with couch_peruser everyone gets a database, at once") {
    REQUIRE(server.put("/_node/_local/_config/couch_peruser/enable", "\"true\"").status == 200);
    CHECK(server.put(address("ann"), user("ann")).status == 201);
    const auto mine = [&] { return server.request("GET", "/userdb-616e6e", {}, basic("ann:pw")); };
    while (mine().status == 404) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    CHECK(mine().status == 200);
    CHECK(server.put(address("bob"), user("bob")).status == 201);
    CHECK(server.request("GET", "/userdb-616e6e", {}, basic("bob:pw")).status == 403);
    server.restart();
    CHECK(mine().status == 200);
}

}  // namespace divan::test
