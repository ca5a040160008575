#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "server/app.h"
#include "storage/base/digest.h"
#include "test/support/test_server.h"

// Holes in access that CouchDB once had, by their names.

namespace divan::server {
namespace {

using test::Headers;
using test::HttpClient;
using test::TempFolder;
using test::TestServer;

Headers basic(std::string_view credentials) {
    return {{"Authorization", "Basic " + base64_encode(credentials)},
            {"Content-Type", "application/json"}};
}

/// All that a first start wrote into its data folder for people to read.
std::string written_settings(const std::filesystem::path& data) {
    std::stringstream text;
    for (const auto& entry : std::filesystem::directory_iterator(data / "local.d")) {
        text << std::ifstream(entry.path()).rdbuf();
    }
    return text.str();
}

}  // namespace

TEST_CASE("CVE-2014-2668: a huge count of uuids is refused, whatever its form") {
    TestServer server;
    for (const char* count : {"1001", "9999999999", "99999999999999999999999999", "1e9", "-1"}) {
        CAPTURE(count);
        const auto reply = server.get(std::string("/_uuids?count=") + count);
        CHECK(reply.status >= 400);
        CHECK(reply.status < 500);
        CHECK(reply.body.size() < 200);
    }
    CHECK(server.get("/_uuids?count=1000").status == 200);
}

TEST_CASE("CVE-2017-12635: duplicate roles make nobody an administrator, by no way of writing") {
    TestServer server("[couchdb]\nusers_db_security_editable = true\n");
    REQUIRE(server.put("/_users/_security", R"({"admins":{},"members":{}})").status == 200);
    const Headers nobody = {{"Authorization", ""}, {"Content-Type", "application/json"}};
    const std::string members = R"("type":"user","name":"eve","password":"pw",)";
    const std::string id = R"("_id":"org.couchdb.user:eve",)";
    for (const std::string roles : {R"("roles":["_admin"],"roles":[])",
                                    R"("roles":[],"roles":["_admin"])"}) {
        server.request("PUT", "/_users/org.couchdb.user:eve", "{" + members + roles + "}", nobody);
        server.request("POST", "/_users", "{" + id + members + roles + "}", nobody);
        server.request("POST", "/_users/_bulk_docs",
                       R"({"docs":[{)" + id + members + roles + "}]}", nobody);
        server.request("POST", "/_users/_bulk_docs",
                       R"({"new_edits":false,"docs":[{)" + id + R"("_rev":"9-abc",)" + members +
                           roles + "}]}",
                       nobody);
    }
    CHECK(server.request("PUT", "/evil", {}, basic("eve:pw")).status == 401);
    const auto stored = server.get("/_users/org.couchdb.user:eve").body;
    CHECK(stored.find("_admin") == std::string::npos);
}

TEST_CASE("CVE-2018-17188: no setting over HTTP becomes code, a program or a path") {
    TestServer server;
    for (const char* section : {"query_servers", "native_query_servers", "os_daemons", "daemons",
                                "external", "httpd_global_handlers", "httpd_db_handlers",
                                "httpd_design_handlers"}) {
        CAPTURE(section);
        const auto target = std::string("/_node/_local/_config/") + section + "/x";
        CHECK(server.put(target, "\"/bin/sh -c id\"").status == 403);
        CHECK(server.del(target).status == 403);
        CHECK(server.get(target).status != 200);
    }
}

TEST_CASE("CVE-2022-24706: no password, secret or port that every installation shares") {
    std::set<std::string> settings;
    for (int i = 0; i < 2; ++i) {
        const TempFolder folder;
        AppOptions options;
        options.data = folder.path();
        options.port = std::uint16_t{0};
        options.sync_writes = false;
        App app(std::move(options));
        app.start();
        CHECK(app.url().starts_with("http://127.0.0.1:"));
        HttpClient client(app.port());
        for (const char* guess : {"admin:admin", "admin:password", "admin:", "root:root",
                                  "monster:monster", "couchdb:couchdb", "admin:secret"}) {
            CAPTURE(guess);
            CHECK(client.request("GET", "/_all_dbs", {}, basic(guess)).status == 401);
        }
        CHECK(client.request("GET", "/_all_dbs").status == 401);
        settings.insert(written_settings(folder.path()));
        client.hang_up();
        app.stop();
    }
    CHECK(settings.size() == 2);
}

}  // namespace divan::server
