#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <string>

#include "storage/engine/keys.h"
#include "storage/query/index/indexes.h"
#include "test/storage/database/fixture.h"

namespace divan::storage {
namespace {

/// Emits every item of `k` with the document's `v`.
class ItemsMapper final : public Mapper {
public:
    MappedRows map(std::span<const MapDocument> documents) override {
        if (broken) throw Refused(Code::internal_error, "no mapping today");
        ++calls;
        return [documents](RowSink& rows) {
            for (std::size_t i = 0; i < documents.size(); ++i) {
                const JsonText document(documents[i].json);
                const auto keys = document.member("k");
                if (!keys) continue;
                const auto value = document.member("v");
                JsonItems items(*keys);
                while (const auto key = items.next()) {
                    rows.emit(i, 0, key->raw(), value ? value->raw() : "null");
                }
            }
        };
    }
    std::atomic<int> calls = 0;
    bool broken = false;
};

class CountReducer final : public Reducer {
public:
    Bytes reduce(std::span<const IndexRow> rows) const override {
        return std::to_string(rows.size());
    }
    Bytes rereduce(std::span<const BytesView> reductions) const override {
        std::size_t sum = 0;
        for (const auto part : reductions) sum += std::stoul(std::string(part));
        return std::to_string(sum);
    }
};

struct UpdaterFixture : DatabaseFixture {
    std::shared_ptr<ItemsMapper> mapper = std::make_shared<ItemsMapper>();
    std::vector<std::function<void()>> queue;
    Indexes indexes{[this](std::function<void()> work) { queue.push_back(std::move(work)); }};

    std::shared_ptr<const IndexDefinition> definition(const std::string& signature = "s1") {
        auto made = std::make_shared<IndexDefinition>();
        made->signature = signature;
        made->trees.push_back({Collation::unicode, {std::make_shared<CountReducer>()}});
        made->mapper = mapper;
        return made;
    }
    void drain() {
        while (!queue.empty()) {
            auto work = std::move(queue.front());
            queue.erase(queue.begin());
            work();
        }
    }
    std::shared_ptr<const IndexReading> updated(const std::string& signature = "s1") {
        const auto index = indexes.open(database, definition(signature));
        Result<void> outcome = Error{Code::internal_error, "not called", {}};
        index->when_at(database->state().update_sequence, [&](Result<void> r) { outcome = r; });
        drain();
        outcome.value();
        return index->read();
    }
    static std::string rows(const IndexReading& reading) {
        std::string all;
        const auto tree = reading.tree(0);
        IndexCursor cursor(tree);
        for (cursor.seek({}); cursor.valid(); cursor.next()) {
            const auto& row = cursor.row();
            all += std::string(row.key) + "@" + row.id() + "=" + std::string(row.value) + " ";
        }
        return all;
    }
    std::size_t keys_on_disk() const {
        const auto prefix = keys::database(database->id());
        const auto cursor = engine->cursor(Family::index, prefix, keys::after_prefix(prefix));
        std::size_t count = 0;
        for (cursor->seek(prefix); cursor->valid(); cursor->next()) {
            const char kind = cursor->key()[prefix.size()];
            if (kind != keys::count_documents && kind != keys::count_changes) ++count;
        }
        return count;
    }
};

}  // namespace

TEST_CASE("an index follows updates, deletions and the return of documents") {
    UpdaterFixture f;
    const auto a1 = f.put(R"({"_id":"a","k":["x","y"],"v":1})");
    const auto b1 = f.put(R"({"_id":"b","k":["y"],"v":2})");
    CHECK(f.rows(*f.updated()) == "\"x\"@a=1 \"y\"@a=1 \"y\"@b=2 ");
    f.put(R"({"_id":"a","_rev":")" + a1 + R"(","k":["z",1],"v":1})");
    f.put(R"({"_id":"b","_rev":")" + b1 + R"(","_deleted":true,"k":["ghost"]})");
    CHECK(f.rows(*f.updated()) == "1@a=1 \"z\"@a=1 ");
    f.put(R"({"_id":"b","k":[]})");
    CHECK(f.rows(*f.updated()) == "1@a=1 \"z\"@a=1 ");
}

TEST_CASE("rows of one document and key are ordered by value, and all of them leave with it") {
    UpdaterFixture f;
    const auto rev = f.put(R"({"_id":"a","k":["e","E","e",1,1.0],"v":null})");
    CHECK(f.rows(*f.updated()) == "1@a=null 1.0@a=null \"e\"@a=null \"e\"@a=null \"E\"@a=null ");
    f.put(R"({"_id":"a","_rev":")" + rev + R"(","k":["e"]})");
    CHECK(f.rows(*f.updated()) == "\"e\"@a=null ");
}

TEST_CASE("a database read in one go gives the rows of its documents read one after another") {
    UpdaterFixture f;
    std::mt19937 random(7);
    for (int i = 0; i < 700; ++i) {
        const auto id = std::to_string(random());
        const auto rev = f.put(R"({"_id":")" + id + R"(","k":["old"],"v":0})");
        const std::string named = R"({"_id":")" + id + R"(","_rev":")" + rev + R"(",)";
        if (i % 7 == 0) f.put(named + R"("_deleted":true})");
        if (i % 7 == 1) f.put(named + R"("k":["new",)" + std::to_string(i) + "]}");
        if (i == 350) f.updated("followed");
        if (i > 650) f.updated("followed");
    }
    const auto rows = f.rows(*f.updated("at once"));
    CHECK(rows == f.rows(*f.updated("followed")));
    CHECK(std::count(rows.begin(), rows.end(), '@') == 600 + 100);
}

TEST_CASE("purged documents leave the index") {
    UpdaterFixture f;
    const auto a = f.put(R"({"_id":"a","k":[1]})");
    f.put(R"({"_id":"b","k":[2]})");
    CHECK(f.rows(*f.updated()) == "1@a=null 2@b=null ");
    std::vector<PurgeRow> purge{
        {"a", {parse_revision(a).value()}}
    };
    f.database->writer().purge(purge).value();
    CHECK(f.rows(*f.updated()) == "2@b=null ");
    CHECK(f.updated()->head.purge_sequence == 1);
}

TEST_CASE("an index that missed purges nobody remembers is built again") {
    UpdaterFixture f;
    std::vector<PurgeRow> purge;
    for (int i = 0; i < 5; ++i) {
        const auto id = "doc" + std::to_string(i);
        const auto revision = f.put(R"({"_id":")" + id + R"(","k":[1]})");
        purge.push_back({id, {parse_revision(revision).value()}});
    }
    f.put(R"({"_id":"stays","k":[2]})");
    CHECK(f.updated()->head.trees[0].rows == 6);
    f.database->set_purged_infos_limit(2);
    f.database->writer().purge(purge).value();
    CHECK(f.rows(*f.updated()) == "2@stays=null ");
}

TEST_CASE("the index shows only what was asked for, and reading does not build it") {
    UpdaterFixture f;
    f.put(R"({"_id":"a","k":[1]})");
    const auto index = f.indexes.open(f.database, f.definition());
    CHECK(f.rows(*index->read()).empty());
    CHECK(f.mapper->calls == 0);
    index->update();
    CHECK(index->updating());
    CHECK(f.indexes.tasks().size() == 1);
    f.drain();
    CHECK_FALSE(index->updating());
    CHECK(f.rows(*index->read()) == "1@a=null ");
}

TEST_CASE("an update that fails tells who waits, and the next one tries again") {
    UpdaterFixture f;
    f.put(R"({"_id":"a","k":[1]})");
    f.mapper->broken = true;
    CHECK_THROWS_AS(f.updated(), Refused);
    f.mapper->broken = false;
    CHECK(f.rows(*f.updated()) == "1@a=null ");
}

TEST_CASE("unused indexes are cleaned up, and nothing of them stays") {
    UpdaterFixture f;
    f.put(R"({"_id":"a","k":[1]})");
    f.updated("s1");
    f.updated("s2");
    f.indexes.clean_up(*f.database, IndexDefinition::Kind::view, {f.definition("s2")->name()});
    CHECK(index_names(*f.engine, f.database->id()) == std::vector<std::string>{"vs2"});
    f.indexes.clean_up(*f.database, IndexDefinition::Kind::view, {});
    CHECK(f.keys_on_disk() == 0);
    CHECK(f.rows(*f.updated("s1")) == "1@a=null ");
}

TEST_CASE("an index whose database was deleted refuses, and leaves nothing behind") {
    UpdaterFixture f;
    f.put(R"({"_id":"a","k":[1]})");
    f.updated();
    f.put(R"({"_id":"b","k":[1]})");
    const auto index = f.indexes.open(f.database, f.definition());
    f.catalog.erase("db");
    Result<void> outcome;
    index->when_at(Sequence{2}, [&](Result<void> r) { outcome = r; });
    f.drain();
    REQUIRE(outcome.has_error());
    CHECK(outcome.error().code == Code::not_found);
    CHECK(f.keys_on_disk() == 0);
}

TEST_CASE("stopping tells who waits") {
    UpdaterFixture f;
    f.put(R"({"_id":"a","k":[1]})");
    const auto index = f.indexes.open(f.database, f.definition());
    Result<void> outcome;
    index->when_at(Sequence{1}, [&](Result<void> r) { outcome = r; });
    f.indexes.stop();
    CHECK(outcome.has_error());
    f.drain();
}

TEST_CASE("an index after any edits, conflicts and purges equals one built from scratch") {
    std::mt19937 random(31337);
    UpdaterFixture f;
    std::map<std::string, std::string> revisions;
    for (int round = 0; round < 60; ++round) {
        for (int i = 0; i < 20; ++i) {
            const auto id = "doc" + std::to_string(random() % 40);
            std::string body;
            for (auto n = random() % 4; n > 0; --n) {
                body += (body.empty() ? "" : ",") + std::to_string(random() % 30);
            }
            const auto known = revisions.find(id);
            const auto kind = random() % 10;
            if (kind == 0 && known != revisions.end()) {
                f.database->writer()
                    .purge({
                        {id, {parse_revision(known->second).value()}}
                })
                    .value();
                revisions.erase(known);
                continue;
            }
            if (kind == 1) {  // A conflicting branch.
                f.write(R"({"_id":")" + id + R"(","_rev":"1-)" + std::string(31, 'a') +
                            std::to_string(random() % 10) + R"(","k":[)" + body + "]}",
                        false);
                continue;
            }
            std::string json = R"({"_id":")" + id + "\",";
            if (known != revisions.end()) json += R"("_rev":")" + known->second + "\",";
            if (kind == 2 && known != revisions.end()) json += R"("_deleted":true,)";
            const auto written = f.write(json + R"("k":[)" + body + R"(],"v":)" +
                                         std::to_string(random() % 100) + "}");
            if (written) revisions[id] = to_string(*written);
        }
        const auto grown = f.updated("grown");
        if (round % 10 != 9) continue;
        const auto fresh = f.updated("fresh" + std::to_string(round));
        CHECK(f.rows(*grown) == f.rows(*fresh));
        const auto count = grown->tree(0).reduce({}, {}, 0, CountReducer());
        CHECK(count == fresh->tree(0).reduce({}, {}, 0, CountReducer()));
    }
}

}  // namespace divan::storage
