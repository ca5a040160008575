#include <doctest/doctest.h>

#include "test/engine_suite/engines.h"
#include "test/engine_suite/helpers.h"

namespace divan::storage {

TEST_CASE_TEMPLATE("engine: what was put is read back, by family, until it is erased", On,
                   DIVAN_ENGINES) {
    On on;
    auto& engine = *on.engine;
    commit(engine, [](Batch& batch) {
        batch.put(Family::docs, "a", "in docs");
        batch.put(Family::bodies, "a", "in bodies");
        batch.put(Family::docs, Bytes("\0\xff\n", 3), "");
    });
    CHECK(get(engine, Family::docs, "a") == "in docs");
    CHECK(get(engine, Family::bodies, "a") == "in bodies");
    CHECK(get(engine, Family::docs, BytesView("\0\xff\n", 3)) == "");
    CHECK_FALSE(get(engine, Family::local, "a"));
    CHECK_FALSE(get(engine, Family::docs, "aa"));

    commit(engine, [](Batch& batch) {
        batch.put(Family::docs, "a", "again");
        batch.erase(Family::bodies, "a");
        batch.erase(Family::bodies, "never there");
    });
    CHECK(get(engine, Family::docs, "a") == "again");
    CHECK_FALSE(get(engine, Family::bodies, "a"));
}

TEST_CASE_TEMPLATE("engine: every family is its own", On, DIVAN_ENGINES) {
    On on;
    for (std::size_t i = 0; i < family_count; ++i) {
        commit(*on.engine, [&](Batch& batch) {
            batch.put(static_cast<Family>(i), "key", std::to_string(i));
        });
    }
    for (std::size_t i = 0; i < family_count; ++i) {
        CHECK(get(*on.engine, static_cast<Family>(i), "key") == std::to_string(i));
    }
}

TEST_CASE_TEMPLATE("engine: large values come back whole", On, DIVAN_ENGINES) {
    On on;
    Bytes large(3U << 20, '\0');
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 >> 3);
    for (const auto family : {Family::attachments, Family::bodies}) {
        commit(*on.engine, [&](Batch& batch) { batch.put(family, "large", large); });
        on.engine->compact(family, "", "");
        CHECK(get(*on.engine, family, "large") == large);
    }
}

TEST_CASE_TEMPLATE("engine: later entries of a batch win over earlier ones", On, DIVAN_ENGINES) {
    On on;
    commit(*on.engine, [](Batch& batch) {
        batch.put(Family::docs, "a", "1");
        batch.put(Family::docs, "a", "2");
        batch.put(Family::docs, "b", "1");
        batch.erase(Family::docs, "b");
        batch.erase(Family::docs, "c");
        batch.put(Family::docs, "c", "1");
        batch.put(Family::docs, "d", "1");
        batch.erase_range(Family::docs, "d", "f");
        batch.put(Family::docs, "e", "1");
    });
    CHECK(all(*on.engine, Family::docs) == "a=2 c=1 e=1");
}

TEST_CASE_TEMPLATE("engine: a range is erased from its first key to before its last", On,
                   DIVAN_ENGINES) {
    On on;
    auto& engine = *on.engine;
    put_letters(engine, Family::docs, "abcdef");
    put_letters(engine, Family::bodies, "abcdef");
    commit(engine, [](Batch& batch) { batch.erase_range(Family::docs, "b", "e"); });
    CHECK(all(engine, Family::docs) == "a=A e=E f=F");
    CHECK(all(engine, Family::bodies) == "a=A b=B c=C d=D e=E f=F");
    CHECK_FALSE(get(engine, Family::docs, "c"));

    commit(engine, [](Batch& batch) {
        batch.erase_range(Family::docs, "e", "e");
        batch.erase_range(Family::docs, "z", "a");
        batch.put(Family::docs, "c", "new");
    });
    CHECK(all(engine, Family::docs) == "a=A c=new e=E f=F");
    engine.compact(Family::docs, "", "");
    CHECK(all(engine, Family::docs) == "a=A c=new e=E f=F");
}

TEST_CASE_TEMPLATE("engine: an empty batch changes nothing", On, DIVAN_ENGINES) {
    On on;
    put_letters(*on.engine, Family::docs, "a");
    on.engine->commit(Batch(), Durability::synced);
    on.engine->commit(Batch(), Durability::buffered);
    CHECK(all(*on.engine, Family::docs) == "a=A");
}

TEST_CASE_TEMPLATE("engine: many keys are answered in their order, repeated ones too", On,
                   DIVAN_ENGINES) {
    On on;
    auto& engine = *on.engine;
    commit(engine, [](Batch& batch) {
        for (int i = 0; i < 2000; i += 2) batch.put(Family::docs, std::to_string(i), "v");
    });
    std::vector<Bytes> keys;
    for (int i = 1999; i >= 0; --i) keys.push_back(std::to_string(i));
    keys.push_back("8");
    keys.push_back("");
    const auto values = engine.get_many(Family::docs, keys);
    REQUIRE(values.size() == keys.size());
    for (std::size_t i = 0; i < 2000; ++i) REQUIRE(values[i].has_value() == (i % 2 == 1));
    CHECK(values[2000] == "v");
    CHECK_FALSE(values[2001]);
    CHECK(engine.get_many(Family::docs, {}).empty());
    CHECK(engine.get_many(Family::docs, std::vector<Bytes>{"8"})[0] == "v");
    CHECK_FALSE(engine.get_many(Family::docs, std::vector<Bytes>{"9"})[0]);
}

TEST_CASE_TEMPLATE("engine: a snapshot never changes, whatever is committed after it", On,
                   DIVAN_ENGINES) {
    On on;
    auto& engine = *on.engine;
    put_letters(engine, Family::docs, "abc");
    const auto first = engine.snapshot();
    commit(engine, [](Batch& batch) {
        batch.put(Family::docs, "a", "changed");
        batch.erase(Family::docs, "b");
        batch.put(Family::docs, "d", "new");
    });
    const auto second = engine.snapshot();
    commit(engine, [](Batch& batch) { batch.erase_range(Family::docs, "a", "z"); });
    put_letters(engine, Family::docs, "x");
    for (const auto family : {Family::docs, Family::bodies}) engine.compact(family, "", "");

    CHECK(all(*first, Family::docs) == "a=A b=B c=C");
    CHECK(all(*second, Family::docs) == "a=changed c=C d=new");
    CHECK(all(engine, Family::docs) == "x=X");
    CHECK(get(*first, Family::docs, "b") == "B");
    CHECK_FALSE(get(*second, Family::docs, "b"));
    const std::vector<Bytes> keys{"d", "a"};
    CHECK(first->get_many(Family::docs, keys) == std::vector<std::optional<Bytes>>{{}, "A"});
    CHECK(second->get_many(Family::docs, keys) ==
          std::vector<std::optional<Bytes>>{"new", "changed"});
}

TEST_CASE_TEMPLATE("engine: a cursor stays at the moment it was made", On, DIVAN_ENGINES) {
    On on;
    auto& engine = *on.engine;
    put_letters(engine, Family::docs, "abc");
    const auto newest = engine.cursor(Family::docs, "", "");
    auto snapshot = engine.snapshot();
    const auto of_snapshot = snapshot->cursor(Family::docs, "", "");
    newest->seek("");
    commit(engine, [](Batch& batch) {
        batch.erase(Family::docs, "b");
        batch.put(Family::docs, "c", "changed");
        batch.put(Family::docs, "d", "new");
    });
    CHECK(rest(*newest) == "a=A b=B c=C");
    of_snapshot->seek("");
    CHECK(rest(*of_snapshot) == "a=A b=B c=C");
    CHECK(all(engine, Family::docs) == "a=A c=changed d=new");
}

TEST_CASE_TEMPLATE("engine: erased space is given back or at least counted no more", On,
                   DIVAN_ENGINES) {
    On on;
    auto& engine = *on.engine;
    std::uint32_t noise = 1;
    commit(engine, [&](Batch& batch) {
        for (int i = 100; i < 900; ++i) {
            Bytes value(1000, ' ');
            for (auto& byte : value) byte = static_cast<char>((noise = noise * 1664525 + 1) >> 24);
            batch.put(Family::bodies, std::to_string(i), value);
        }
    });
    engine.compact(Family::bodies, "", "");
    const auto whole = engine.approximate_bytes(Family::bodies, "1", "9");
    const auto half = engine.approximate_bytes(Family::bodies, "1", "5");
    CHECK(whole > 500'000);
    CHECK(whole < 2'000'000);
    CHECK(half > whole / 4);
    CHECK(half < whole * 3 / 4);
    CHECK(engine.approximate_bytes(Family::bodies, "", "") >= whole);
    CHECK(engine.approximate_bytes(Family::bodies, "x", "y") < 1000);

    commit(engine, [](Batch& batch) { batch.erase_range(Family::bodies, "1", "9"); });
    engine.compact(Family::bodies, "1", "9");
    CHECK(engine.approximate_bytes(Family::bodies, "1", "9") < 10'000);
}

}  // namespace divan::storage
