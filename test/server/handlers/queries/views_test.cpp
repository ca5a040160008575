#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "storage/base/json.h"
#include "test/support/http_client.h"
#include "test/support/test_server.h"

namespace divan::test {
namespace {

std::string views(const std::string& name, const std::string& map, const std::string& reduce = "") {
    auto text = R"({"views":{)" + json_string(name) + R"(:{"map":)" + json_string(map);
    if (!reduce.empty()) text += R"(,"reduce":)" + json_string(reduce);
    return text + "}}}";
}

struct Fixture {
    explicit Fixture(std::string_view ini = "") : server(ini) { server.create_database("db"); }

    void design(const std::string& name, const std::string& body) {
        REQUIRE(server.put("/db/_design/" + name, body).status == 201);
    }
    void fill(int count) {
        std::string docs;
        for (int i = 0; i < count; ++i) {
            if (i > 0) docs += ',';
            docs += R"({"n":)" + std::to_string(i) + "}";
        }
        REQUIRE(server.post("/db/_bulk_docs", R"({"docs":[)" + docs + "]}").status == 201);
    }

    TestServer server;
};

const Headers as_admin = {
    {"Authorization", "Basic YWRtaW46c2VjcmV0"}
};
const char* const timed_out =
    "{\"error\":\"os_process_error\",\"reason\":\"OS process timed out.\"}\n";

}  // namespace

TEST_CASE("a view that loops is told, and other views answer") {
    Fixture fixture("[couchdb]\nos_process_timeout = 3000\n");
    auto& server = fixture.server;
    fixture.fill(3);
    fixture.design("loops", views("v", "function (doc) { while (true); }"));
    fixture.design("works", views("v", "function (doc) { emit(doc.n, 1); }", "_sum"));
    std::string told;
    std::thread other([&, port = server.port()] {
        HttpClient client(port);
        told = client.request("GET", "/db/_design/loops/_view/v", {}, as_admin).body;
    });
    for (int i = 0; i < 20; ++i) {
        CHECK(server.get("/db/_design/works/_view/v").body ==
              "{\"rows\":[\r\n{\"key\":null,\"value\":3}\r\n]}\n");
    }
    other.join();
    CHECK(told == timed_out);
    const auto again = server.get("/db/_design/loops/_view/v");
    CHECK(again.status == 500);
    CHECK(again.body == timed_out);
}

TEST_CASE("a reduce function that loops, or takes all memory, is told") {
    Fixture fixture("[couchdb]\nos_process_timeout = 3000\n");
    auto& server = fixture.server;
    fixture.fill(3);
    const std::string map = "function (doc) { emit(doc.n, 1); }";
    fixture.design("loops", views("v", map, "function () { while (true); }"));
    CHECK(server.get("/db/_design/loops/_view/v").body == timed_out);
    fixture.design("eats", views("v", map,
                                 "function () { const a = []; while (true) a.push('x'.repeat(1e6) "
                                 "+ a.length); }"));
    const auto eaten = server.get("/db/_design/eats/_view/v");
    CAPTURE(eaten.body);
    CHECK((eaten.status == 500 || eaten.body.find("\"value\":null") != std::string::npos));
    fixture.design("grows", views("v", map, "function (k, v) { return 'x'.repeat(10000); }"));
    CHECK(server.get("/db/_design/grows/_view/v").body.find("reduce_overflow_error") !=
          std::string::npos);
    CHECK(server.get("/db/_design/grows/_view/v?reduce=false&limit=1").status == 200);
}

TEST_CASE("a map function that throws null drops its document alone") {
    Fixture fixture;
    fixture.fill(4);
    const std::string map = "function (doc) { if (doc.n === 2) throw null; emit(doc.n, 1); }";
    fixture.design("d", views("v", map, "_count"));
    CHECK(fixture.server.get("/db/_design/d/_view/v").body ==
          "{\"rows\":[\r\n{\"key\":null,\"value\":3}\r\n]}\n");
}

TEST_CASE("a build shows in _active_tasks, and who does not wait for it is answered") {
    Fixture fixture;
    auto& server = fixture.server;
    fixture.fill(200);
    fixture.design("slow",
                   views("v", "function (doc) { const end = Date.now() + 20; "
                              "while (Date.now() < end); emit(doc.n, 1); }"));
    std::atomic<bool> built = false;
    std::string answer;
    std::thread query([&, port = server.port()] {
        HttpClient client(port);
        answer = client.request("GET", "/db/_design/slow/_view/v?limit=0", {}, as_admin).body;
        built = true;
    });
    std::string shown;
    // At its very first moment a build does not know yet how much there is.
    while (!built && shown.find(R"("total_changes":201)") == std::string::npos) {
        shown = server.get("/_active_tasks").body;
    }
    CHECK(server.get("/db/_design/slow/_view/v?update=false").status == 200);
    query.join();
    CHECK(answer == "{\"total_rows\":200,\"offset\":0,\"rows\":[\r\n\r\n]}\n");
    const auto tasks = parse_json(shown).value();
    REQUIRE(tasks.items().size() == 1);
    const auto& task = tasks.items().front();
    CHECK(task.find("type")->string() == "indexer");
    CHECK(task.find("database")->string() == "db");
    CHECK(task.find("design_document")->string() == "_design/slow");
    CHECK(task.find("total_changes")->integer() == 201);
    CHECK(server.get("/_active_tasks").body == "[]\n");
}

}  // namespace divan::test
