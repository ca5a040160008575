#include "storage/query/view/views.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "storage/engine/keys.h"
#include "storage/query/view/view_scan.h"
#include "test/storage/database/fixture.h"
#include "test/storage/query/view/fake_runtime.h"

namespace divan::storage {
namespace {

struct ViewsFixture : DatabaseFixture {
    FakeRuntime runtime;
    std::vector<std::function<void()>> queue;
    Indexes indexes{[this](std::function<void()> work) { queue.push_back(std::move(work)); }};
    Views views{
        indexes, ViewEnvironment{runtime, [](std::string_view, std::string_view) {
                                     return std::optional<std::string>();
                                 }}
    };

    void drain() {
        while (!queue.empty()) {
            auto work = std::move(queue.front());
            queue.erase(queue.begin());
            work();
        }
    }
    std::shared_ptr<const IndexReading> updated(const OpenViews& open) {
        open.index->update();
        drain();
        return open.index->read();
    }
    std::string rows(const OpenViews& open, std::string_view name, EntryRange range = {},
                     ScanOptions options = {}) {
        const auto reading = updated(open);
        const auto tree = reading->tree(open.group->view(name).tree);
        RowScan scan(tree, {std::move(range)}, options);
        std::string all = std::to_string(scan.offset()) + ": ";
        while (const auto* row = scan.next()) {
            all += std::string(row->key) + "@" + row->id() + "=" + std::string(row->value) + " ";
        }
        return all;
    }
    std::string groups(const OpenViews& open, std::string_view name, std::size_t level,
                       ScanOptions options = {}, EntryRange range = {}) {
        const auto reading = updated(open);
        const auto& view = open.group->view(name);
        const auto tree = reading->tree(view.tree);
        GroupScan scan(tree, *view.reducer, open.group->reducer(view), {std::move(range)},
                       {level, Collation::unicode, 0}, options);
        std::string all;
        while (const auto group = scan.next()) all += group->key + "=" + group->value + " ";
        return all;
    }
};

Bytes key(const char* json) {
    return collation_key(JsonText(json), Collation::unicode);
}

}  // namespace

TEST_CASE("views with one map function are one tree, and identical groups one index") {
    ViewsFixture f;
    f.put(R"({"_id":"_design/a","views":{"x":{"map":"k"},"y":{"map":"k","reduce":"_count"},)"
          R"("z":{"map":"k","reduce":"_sum"},"o":{"map":"other"}}})");
    f.put(R"({"_id":"_design/b","views":{"p":{"map":"other"},"q":{"map":"k","reduce":"_sum"},)"
          R"("r":{"map":"k","reduce":"_count"}}})");
    f.put(R"({"_id":"_design/c","views":{"p":{"map":"other"}}})");
    const auto a = f.views.open(f.database, "_design/a");
    const auto b = f.views.open(f.database, "_design/b");
    const auto c = f.views.open(f.database, "_design/c");
    CHECK(a.group->definition->trees.size() == 2);
    CHECK(a.group->view("x").tree == a.group->view("z").tree);
    CHECK(a.index == b.index);
    CHECK(a.index != c.index);
    CHECK_THROWS_AS(a.group->view("none"), Refused);
    CHECK_THROWS_AS(f.views.open(f.database, "_design/none"), Refused);
}

TEST_CASE("what makes other rows makes another index") {
    ViewsFixture f;
    const auto signature = [&](const std::string& id, const std::string& rest) {
        f.put(R"({"_id":"_design/)" + id + R"(","views":{"v":{"map":"k")" + rest);
        return f.views.open(f.database, "_design/" + id).group->definition->signature;
    };
    const auto plain = signature("a", "}}}");
    CHECK(signature("b", "}}}") == plain);
    CHECK(signature("c", R"(}},"options":{"local_seq":true}})") != plain);
    CHECK(signature("d", R"(,"options":{"collation":"raw"}}}})") != plain);
    CHECK(signature("e", R"(},"lib":{"m":"exports.x = 1"}}})") != plain);
    CHECK(signature("f", R"(}},"filters":{"f":"function () {}"}})") == plain);
}

TEST_CASE("a design document is read again only where it changed") {
    ViewsFixture f;
    const auto rev = f.put(R"({"_id":"_design/a","views":{"x":{"map":"k"}}})");
    f.views.open(f.database, "_design/a");
    f.views.open(f.database, "_design/a");
    CHECK(f.runtime.made == 1);
    f.put(R"({"_id":"_design/a","_rev":")" + rev + R"(","views":{"x":{"map":"m"}}})");
    f.views.open(f.database, "_design/a");
    CHECK(f.runtime.made == 2);
}

TEST_CASE("the views before a change are known until others take their place") {
    ViewsFixture f;
    const auto rev = f.put(R"({"_id":"_design/a","views":{"x":{"map":"k"}}})");
    const auto before = f.views.open(f.database, "_design/a");
    CHECK(before.previous == nullptr);
    const auto second =
        f.put(R"({"_id":"_design/a","_rev":")" + rev + R"(","views":{"x":{"map":"m"}}})");
    CHECK(f.views.open(f.database, "_design/a").previous == before.group);
    f.put(R"({"_id":"_design/a","_rev":")" + second + R"(","other":1,"views":{"x":{"map":"m"}}})");
    CHECK(f.views.open(f.database, "_design/a").previous == before.group);
}

TEST_CASE("rows come in either direction, from any offset, and equal keys stay ascending") {
    ViewsFixture f;
    f.put(R"({"_id":"_design/a","views":{"x":{"map":"k"}}})");
    f.put(R"({"_id":"1","k":["a","b","b","b"],"v":1})");
    f.put(R"({"_id":"2","k":["b","c"],"v":2})");
    const auto open = f.views.open(f.database, "_design/a");
    CHECK(f.rows(open, "x") == "0: \"a\"@1=1 \"b\"@1=1 \"b\"@1=1 \"b\"@1=1 \"b\"@2=2 \"c\"@2=2 ");
    CHECK(f.rows(open, "x", {key("\"b\""), keys::after_prefix(key("\"b\""))}, {false, 1, 2}) ==
          "2: \"b\"@1=1 \"b\"@1=1 ");
    CHECK(f.rows(open, "x", {}, {true, 1, 10}) ==
          "1: \"b\"@2=2 \"b\"@1=1 \"b\"@1=1 \"b\"@1=1 \"a\"@1=1 ");
    CHECK(f.rows(open, "x", {}, {true, 4, 10}) == "4: \"b\"@1=1 \"a\"@1=1 ");
    CHECK(f.rows(open, "x", {}, {false, 50, 10}) == "6: ");
}

TEST_CASE("rows of one document and key are in the order of their values both ways") {
    ViewsFixture f;
    f.put(R"({"_id":"_design/a","views":{"x":{"map":"k"}}})");
    f.put(R"({"_id":"1","k":["e\u0301","é",["x"]],"v":1})");
    const auto open = f.views.open(f.database, "_design/a");
    const std::string pair = "\"e\xCC\x81\"@1=1 \"\xC3\xA9\"@1=1 ";
    CHECK(f.rows(open, "x") == "0: " + pair + "[\"x\"]@1=1 ");
    CHECK(f.rows(open, "x", {}, {true, 0, 10}) == "0: [\"x\"]@1=1 " + pair);
    CHECK(f.rows(open, "x", {}, {true, 2, 10}) == "2: \"\xC3\xA9\"@1=1 ");
}

TEST_CASE("groups by level, with skip, limit and direction") {
    ViewsFixture f;
    f.put(R"({"_id":"_design/a","views":{"x":{"map":"k","reduce":"_sum"}}})");
    f.put(R"({"_id":"1","k":[["a",1],["a",2],["b",1],"s",["a"]],"v":1})");
    f.put(R"({"_id":"2","k":[["a",2],["b",3],7],"v":10})");
    const auto open = f.views.open(f.database, "_design/a");
    CHECK(f.groups(open, "x", 0) == "null=35 ");
    CHECK(f.groups(open, "x", 1) == "7=10 \"s\"=1 [\"a\"]=13 [\"b\"]=11 ");
    CHECK(f.groups(open, "x", 2) ==
          "7=10 \"s\"=1 [\"a\"]=1 [\"a\",1]=1 [\"a\",2]=11 [\"b\",1]=1 [\"b\",3]=10 ");
    CHECK(f.groups(open, "x", GroupScan::exact) == f.groups(open, "x", 2));
    CHECK(f.groups(open, "x", 1, {true, 1, 2}) == "[\"a\"]=13 \"s\"=1 ");
    CHECK(f.groups(open, "x", 1, {}, {key("[\"a\",2]"), key("[\"b\",2]")}) ==
          "[\"a\"]=11 [\"b\"]=1 ");
    CHECK(f.groups(open, "x", 0, {}, {key("[\"z\"]"), {}}).empty());
}

TEST_CASE("a reduce function in JavaScript is applied once more to what is shown") {
    ViewsFixture f;
    f.put(R"({"_id":"_design/a","views":{"x":{"map":"k","reduce":"function (k, v, r) {}"}}})");
    f.put(R"({"_id":"1","k":["a","b","b"]})");
    const auto open = f.views.open(f.database, "_design/a");
    CHECK(f.groups(open, "x", GroupScan::exact) == "\"a\"=1 \"b\"=2 ");
    CHECK(f.groups(open, "x", 0) == "null=3 ");
}

TEST_CASE("cleaning up keeps what design documents use") {
    ViewsFixture f;
    const auto rev = f.put(R"({"_id":"_design/a","views":{"x":{"map":"k"}}})");
    f.put(R"({"_id":"_design/b","views":{"x":{"map":"m"}}})");
    f.updated(f.views.open(f.database, "_design/a"));
    f.updated(f.views.open(f.database, "_design/b"));
    CHECK(index_names(*f.engine, f.database->id()).size() == 2);
    f.put(R"({"_id":"_design/a","_rev":")" + rev + R"(","_deleted":true})");
    f.views.clean_up(f.database);
    CHECK(index_names(*f.engine, f.database->id()).size() == 1);
}

TEST_CASE("design documents and conflicts are mapped where the options say so") {
    ViewsFixture f;
    f.put(R"({"_id":"_design/a","views":{"x":{"map":"_conflicts"},"i":{"map":"_id"}},)"
          R"("options":{"include_design":true}})");
    f.put(R"({"_id":"_design/b","views":{"s":{"map":"_local_seq"}},"options":{"local_seq":true}})");
    f.put(R"({"_id":"1","n":1})");
    f.write(R"({"_id":"1","_rev":"1-00000000000000000000000000000001","n":2})", false);
    const auto a = f.views.open(f.database, "_design/a");
    CHECK(f.rows(a, "x") == "0: \"1-00000000000000000000000000000001\"@1=null ");
    CHECK(f.rows(a, "i").find("_design/b") != std::string::npos);
    CHECK(f.rows(f.views.open(f.database, "_design/b"), "s") == "0: 4@1=null ");
}

}  // namespace divan::storage
