// The resources of the server and of a database as a whole. test/conformance has much more of what
// CouchDB answers there: server, security, config.

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>

#include "server/config/settings.h"
#include "storage/base/json.h"
#include "test/support/test_server.h"

namespace divan::test {
namespace {

JsonValue json(const Reply& reply) {
    return parse_json(reply.body).value();
}

std::string text(const Reply& reply, std::string_view key) {
    const auto body = json(reply);
    const JsonValue* value = body.find(key);
    return value ? value->dump() : "(none)";
}

constexpr std::string_view path_words[] = {"_file", "_dir", "path", "folder", "command", "program",
                                           "executable"};

}  // namespace

TEST_CASE("a database is made once, shows its options, and is gone when it is deleted") {
    TestServer server;
    CHECK(server.put("/db?q=4&n=1&placement=a:1&partitioned=true").status == 201);
    CHECK(server.put("/db").status == 412);
    const auto info = server.get("/db");
    CHECK(text(info, "cluster") == R"({"q":4,"n":1,"w":1,"r":1})");
    CHECK(text(info, "props") == R"({"partitioned":true})");
    CHECK(text(info, "doc_count") == "0");
    CHECK(server.del("/db?rev=1-x").status == 400);
    CHECK(server.del("/db").status == 200);
    CHECK(server.get("/db").status == 404);
    CHECK(server.del("/db").status == 404);
}

TEST_CASE("a database's options and names are judged before it is made") {
    TestServer server;
    for (const char* bad : {"/db?q=0", "/db?q=x", "/db?q=99999999999", "/db?n=", "/db?placement=",
                            "/db?placement=a", "/db?placement=a:0", "/db?placement=a:1,b",
                            "/db?partitioned=maybe", "/db?engine=none", "/Db", "/1db", "/_db"}) {
        CAPTURE(bad);
        CHECK(server.put(bad).status == 400);
    }
    CHECK(server.get("/db").status == 404);
}

TEST_CASE("_all_dbs lists a range of the names, and 304 to whoever has the list") {
    TestServer server;
    for (const char* name : {"a", "b", "c"}) server.create_database(name);
    CHECK(server.get("/_all_dbs?startkey=\"a\"&endkey=\"b\"").body == "[\"a\",\"b\"]\n");
    CHECK(server.get("/_all_dbs?startkey=\"a\"&inclusive_end=false&end_key=\"b\"").body ==
          "[\"a\"]\n");
    CHECK(server.get("/_all_dbs?descending=true&limit=2&skip=1").body == "[\"b\",\"a\"]\n");
    CHECK(server.get("/_all_dbs?endkey=5").body == "[]\n");
    CHECK(server.get("/_all_dbs?startkey=5&limit=1").body == "[\"_replicator\"]\n");
    for (const char* bad : {"?limit=-1", "?skip=x", "?key=a", "?descending=1"}) {
        CAPTURE(bad);
        CHECK(server.get(std::string("/_all_dbs") + bad).status == 400);
    }
    const auto list = server.get("/_all_dbs");
    const auto etag = list.header("etag");
    REQUIRE_FALSE(etag.empty());
    CHECK(server.request("GET", "/_all_dbs", "", {{"If-None-Match", etag}}).status == 304);
    CHECK(server.request("GET", "/_all_dbs", "", {{"If-None-Match", "*"}}).status == 200);
}

TEST_CASE("_security is stored as it was put; a new database is for admins") {
    TestServer server;
    server.create_database("db");
    const Headers nobody = {{"Authorization", ""}};
    CHECK(server.get("/db/_security").body ==
          "{\"members\":{\"roles\":[\"_admin\"]},\"admins\":{\"roles\":[\"_admin\"]}}\n");
    CHECK(server.request("GET", "/db", "", nobody).status == 401);
    CHECK(server.put("/db/_security", R"({"members": {}, "x": [1.50]})").status == 200);
    CHECK(server.get("/db/_security").body == "{\"members\":{},\"x\":[1.5]}\n");
    CHECK(server.request("GET", "/db", "", nobody).status == 200);
    CHECK(server.request("PUT", "/db/_security", "{}", nobody).status == 401);
    CHECK(server.put("/db/_security", R"({"members":[]})").status == 400);
    CHECK(server.put("/_users/_security", "{}").status == 403);
    server.restart();
    CHECK(server.request("GET", "/db", "", nobody).status == 200);
}

TEST_CASE("_config: a value is set, shown, kept over a restart, and deleted") {
    TestServer server;
    const std::string key = "/_node/_local/_config/section/key";
    CHECK(server.put(key, "\" one \"").body == "\"\"\n");
    CHECK(server.put(key, "\"two\"").body == "\"one\"\n");
    server.restart();
    CHECK(server.get(key).body == "\"two\"\n");
    CHECK(server.get("/_node/_local/_config/section").body == "{\"key\":\"two\"}\n");
    CHECK(server.del(key).body == "\"two\"\n");
    CHECK(server.get(key).status == 404);
    CHECK(server.put("/_node/_local/_config/query_servers/x", "\"rm\"").status == 403);
    CHECK(server.get("/_node/other/_config").status == 404);
}

TEST_CASE("CVE-2017-12636, CVE-2018-8007, CVE-2018-11769: what runs or names files is not set "
          "over HTTP") {
    TestServer server;
    const std::string config = "/_node/_local/_config/";
    const char* const closed[] = {
        "query_servers/x", "native_query_servers/x", "os_daemons/x", "daemons/x", "external/x",
        "httpd_global_handlers/x", "httpd_db_handlers/x", "httpd_design_handlers/x",
        "feature_flags/x", "audit/enable", "couchdb/database_dir", "couchdb/view_index_dir",
        "couchdb/uri_file", "log/file", "ssl/cert_file", "ssl/key_file", "ssl/cacert_file",
    };
    for (const char* setting : closed) {
        CAPTURE(setting);
        CHECK(server.put(config + setting, "\"/tmp/x\"").status == 403);
        CHECK(server.del(config + setting).status == 403);
    }
    // Names that would be others, or lines of their own, when the file is read again.
    const char* const crooked[] = {
        "couchdb/database_dir%20%3D%20%2Ftmp", "couchdb/database_dir%20=%20x", "couchdb/%20log",
        "couchdb/database_dir%20",  "couchdb/%09database_dir", "couchdb/;x", "couchdb/x%0Ay",
        "couchdb%0A%5Bquery_servers/x", "couchdb%5D%0A/x", "%5Bquery_servers/x", "couchdb/x%1Ay",
    };
    for (const char* setting : crooked) {
        CAPTURE(setting);
        CHECK(server.put(config + setting, "\"/tmp/x\"").status == 400);
    }
    for (const char* value :
         {R"("x\n[query_servers]\njs = /bin/sh")", R"("x\rdatabase_dir = /tmp")"}) {
        CHECK(server.put(config + "couchdb/harmless", value).status == 400);
    }
    CHECK(server.put(config + "query_servers%20/x", "\"/bin/sh\"").status == 200);
    CHECK(server.put(config + "Query_Servers/x", "\"/bin/sh\"").status == 200);
    server.restart();
    CHECK(server.get(config + "query_servers").body == "{}\n");
    CHECK(server.get(config + "couchdb/database_dir").status == 404);
}

TEST_CASE("CVE-2018-8007: every setting that is called a file, folder, path or program is closed") {
    TestServer server;
    int found = 0;
    for (const auto& setting : server::settings()) {
        const bool claim = setting.key == "roles_claim_path";  // within a token
        const bool named =
            std::any_of(std::begin(path_words), std::end(path_words), [&](std::string_view word) {
                return setting.key.find(word) != std::string_view::npos;
            });
        if (claim || !named) continue;
        CAPTURE(setting.key);
        const auto target = "/_node/_local/_config/" + std::string(setting.section) + "/" +
                            std::string(setting.key);
        CHECK(server.put(target, "\"/tmp/x\"").status == 403);
        ++found;
    }
    CHECK(found >= 3);
}

TEST_CASE("_config: the password of an admin is hashed, and works at once") {
    TestServer server;
    CHECK(server.put("/_node/_local/_config/chttpd_auth/iterations", "\"10\"").status == 200);
    CHECK(server.put("/_node/_local/_config/admins/ann", "\"secret\"").status == 200);
    CHECK(server.get("/_node/_local/_config/admins/ann").body.starts_with("\"-pbkdf2:sha256-"));
    const Headers ann = {{"Authorization", "Basic YW5uOnNlY3JldA=="}};
    CHECK(server.request("GET", "/_all_dbs", "", ann).status == 200);
    CHECK(server.del("/_node/_local/_config/admins/ann").status == 200);
    CHECK(server.request("GET", "/_all_dbs", "", ann).status == 401);
}

TEST_CASE("_up follows the maintenance mode") {
    TestServer server;
    CHECK(server.get("/_up").body == "{\"status\":\"ok\",\"seeds\":{}}\n");
    const std::string mode = "/_node/_local/_config/couchdb/maintenance_mode";
    CHECK(server.put(mode, "\"true\"").status == 200);
    CHECK(server.get("/_up").status == 404);
    CHECK(server.put(mode, "\"false\"").status == 200);
    CHECK(server.get("/_up").status == 200);
}

TEST_CASE("_uuids gives as many as are asked for, to a limit") {
    TestServer server;
    CHECK(json(server.get("/_uuids?count=3")).find("uuids")->items().size() == 3);
    CHECK(server.get("/_uuids?count=0").body == "{\"uuids\":[]}\n");
    for (const char* bad : {"1001", "-1", "x", "", "1.5", "99999999999999999999"}) {
        CAPTURE(bad);
        CHECK(server.get(std::string("/_uuids?count=") + bad).status == 400);
    }
}

TEST_CASE("_cluster_setup makes what a single node needs, and no cluster") {
    TestServer server;
    CHECK(server.post("/_cluster_setup",
                      R"({"action":"enable_single_node","ensure_dbs_exist":["_users","x"]})")
              .status == 201);
    CHECK(server.get("/x").status == 200);
    for (const char* bad : {R"({"action":"enable_cluster"})", R"({"action":"x"})", "{}", "[]",
                            R"({"action":"finish_cluster","ensure_dbs_exist":["_bad"]})"}) {
        CAPTURE(bad);
        CHECK(server.post("/_cluster_setup", bad).status == 400);
    }
}

}  // namespace divan::test
