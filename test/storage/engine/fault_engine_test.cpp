#include "storage/engine/fault_engine.h"

#include <doctest/doctest.h>

#include "storage/engine/memory_engine.h"
#include "test/engine_suite/helpers.h"

namespace divan::storage {
namespace {

EngineFailure disk_full() {
    return {Code::storage_full, "no space is left"};
}

}  // namespace

TEST_CASE("fault engine: so many commits fail, leave nothing, and the next succeeds") {
    FaultEngine engine(make_memory_engine());
    engine.fail_commits(2, disk_full(), 1);
    put_letters(engine, Family::docs, "a");
    for (int i = 0; i < 2; ++i) {
        try {
            put_letters(engine, Family::docs, "b", Durability::synced);
            FAIL("the commit succeeded");
        } catch (const EngineFailure& failure) {
            CHECK(failure.code() == Code::storage_full);
            CHECK(std::string(failure.what()) == "no space is left");
        }
    }
    CHECK(all(engine, Family::docs) == "a=A");
    put_letters(engine, Family::docs, "c");
    CHECK(all(engine, Family::docs) == "a=A c=C");
    CHECK(engine.commits() == 2);
    CHECK(engine.synced_commits() == 0);
}

TEST_CASE("fault engine: so many reads fail, of snapshots and cursors too") {
    FaultEngine engine(make_memory_engine());
    put_letters(engine, Family::docs, "abc");
    const auto snapshot = engine.snapshot();
    const auto cursor = snapshot->cursor(Family::docs, "", "");
    engine.fail_reads(4, {Code::storage_failed, "cannot read"}, 1);
    CHECK(get(engine, Family::docs, "a") == "A");
    CHECK_THROWS_AS(get(engine, Family::docs, "a"), EngineFailure);
    CHECK_THROWS_AS(get(*snapshot, Family::docs, "a"), EngineFailure);
    CHECK_THROWS_AS(cursor->seek("a"), EngineFailure);
    CHECK_THROWS_AS(engine.get_many(Family::docs, {}), EngineFailure);
    CHECK(get(*snapshot, Family::docs, "a") == "A");
}

TEST_CASE("fault engine: a crash takes every commit after the last synced one, and no other") {
    FaultEngine engine(make_memory_engine());
    put_letters(engine, Family::docs, "ab", Durability::buffered);
    put_letters(engine, Family::docs, "c", Durability::synced);
    const auto before = engine.snapshot();
    commit(engine, [](Batch& batch) {
        batch.put(Family::docs, "d", "new");
        batch.put(Family::docs, "a", "changed");
        batch.put(Family::docs, "a", "twice");
    });
    commit(engine, [](Batch& batch) {
        batch.put(Family::docs, "bb", "in the range");
        batch.erase_range(Family::docs, "a", "d");
        batch.put(Family::docs, "b", "after the range");
        batch.erase(Family::docs, "d");
    });
    CHECK(all(engine, Family::docs) == "b=after the range");
    engine.lose_unsynced();
    CHECK(all(engine, Family::docs) == "a=A b=B c=C");
    CHECK(all(*before, Family::docs) == "a=A b=B c=C");
    engine.lose_unsynced();
    CHECK(all(engine, Family::docs) == "a=A b=B c=C");
    put_letters(engine, Family::docs, "x");
    CHECK(all(engine, Family::docs) == "a=A b=B c=C x=X");
}

}  // namespace divan::storage
