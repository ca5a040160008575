#include "auth/system_store.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "storage/engine/memory_engine.h"

namespace divan::auth {
namespace {

struct Fixture {
    std::unique_ptr<storage::Engine> engine = storage::make_memory_engine();
    SystemStore store{*engine};

    void put(RecordKind kind, std::string_view key, std::string_view value) {
        storage::Batch batch;
        SystemStore::put(batch, kind, key, Bytes(value));
        store.commit(batch);
    }
    std::vector<std::string> keys(RecordKind kind, std::string_view prefix) const {
        std::vector<std::string> found;
        store.each(kind, prefix, [&](std::string_view key, BytesView) {
            found.emplace_back(key);
            return true;
        });
        return found;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "system store: reads back what was put, kind by kind") {
    put(RecordKind::session, "1", "of ann");
    CHECK(store.get(RecordKind::session, "1") == Bytes("of ann"));
    CHECK_FALSE(store.get(RecordKind::passkey, "1"));
    CHECK_FALSE(store.get(RecordKind::session, "2"));
}

TEST_CASE_FIXTURE(Fixture, "system store: walks a prefix in order and stops when told to") {
    put(RecordKind::passkey, "ann/2", "");
    put(RecordKind::passkey, "ann/1", "");
    put(RecordKind::passkey, "bob/1", "");
    put(RecordKind::session, "ann/3", "");
    CHECK(keys(RecordKind::passkey, "ann/") == std::vector<std::string>{"ann/1", "ann/2"});
    CHECK(keys(RecordKind::passkey, "") == std::vector<std::string>{"ann/1", "ann/2", "bob/1"});

    int seen = 0;
    store.each(RecordKind::passkey, "", [&](std::string_view, BytesView) { return ++seen < 2; });
    CHECK(seen == 2);
}

TEST_CASE_FIXTURE(Fixture, "system store: one commit changes all or nothing") {
    put(RecordKind::session, "old", "");
    storage::Batch batch;
    SystemStore::erase(batch, RecordKind::session, "old");
    SystemStore::put(batch, RecordKind::session, "new", "");
    store.commit(batch);
    CHECK(keys(RecordKind::session, "") == std::vector<std::string>{"new"});
}

}  // namespace divan::auth
