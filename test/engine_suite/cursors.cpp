#include <doctest/doctest.h>

#include "test/engine_suite/engines.h"
#include "test/engine_suite/helpers.h"

namespace divan::storage {
namespace {

std::string at(const Cursor& cursor) {
    return cursor.valid() ? std::string(cursor.key()) : "nowhere";
}

}  // namespace

TEST_CASE_TEMPLATE("engine: a cursor starts nowhere and walks both ways", On, DIVAN_ENGINES) {
    On on;
    put_letters(*on.engine, Family::docs, "abc");
    const auto cursor = on.engine->cursor(Family::docs, "", "");
    CHECK_FALSE(cursor->valid());

    cursor->seek("b");
    CHECK(at(*cursor) == "b");
    CHECK(cursor->value() == "B");
    cursor->next();
    CHECK(at(*cursor) == "c");
    cursor->previous();
    CHECK(at(*cursor) == "b");
    cursor->previous();
    CHECK(at(*cursor) == "a");
    cursor->next();
    CHECK(at(*cursor) == "b");
    cursor->next();
    cursor->next();
    CHECK(at(*cursor) == "nowhere");
    cursor->seek("a");
    cursor->previous();
    CHECK(at(*cursor) == "nowhere");
    cursor->seek_back("zzz");
    CHECK(at(*cursor) == "c");
}

TEST_CASE_TEMPLATE("engine: seeks find the nearest key within the cursor's limits", On,
                   DIVAN_ENGINES) {
    On on;
    put_letters(*on.engine, Family::docs, "bdfh");
    struct {
        const char* lower;
        const char* upper;
        const char* key;
        std::string seek;
        std::string seek_back;
    } const rows[] = {
        {"", "", "", "b", "nowhere"},      {"", "", "a", "b", "nowhere"},
        {"", "", "b", "b", "b"},           {"", "", "c", "d", "b"},
        {"", "", "h", "h", "h"},           {"", "", "z", "nowhere", "h"},
        {"c", "g", "", "d", "nowhere"},    {"c", "g", "a", "d", "nowhere"},
        {"c", "g", "c", "d", "nowhere"},   {"c", "g", "e", "f", "d"},
        {"c", "g", "f", "f", "f"},         {"c", "g", "g", "nowhere", "f"},
        {"c", "g", "z", "nowhere", "f"},   {"d", "f", "", "d", "nowhere"},
        {"d", "f", "d", "d", "d"},         {"d", "f", "f", "nowhere", "d"},
        {"d", "f", "z", "nowhere", "d"},   {"d", "", "b", "d", "nowhere"},
        {"d", "", "z", "nowhere", "h"},    {"", "d", "z", "nowhere", "b"},
        {"", "b", "a", "nowhere", "nowhere"}, {"e", "f", "e", "nowhere", "nowhere"},
        {"d", "d", "d", "nowhere", "nowhere"}, {"x", "z", "y", "nowhere", "nowhere"},
    };
    const auto snapshot = on.engine->snapshot();
    for (const Reader* reader : {static_cast<const Reader*>(on.engine.get()),
                                 static_cast<const Reader*>(snapshot.get())}) {
        for (const auto& row : rows) {
            CAPTURE(std::string(row.lower));
            CAPTURE(std::string(row.upper));
            CAPTURE(std::string(row.key));
            const auto cursor = reader->cursor(Family::docs, row.lower, row.upper);
            cursor->seek(row.key);
            CHECK(at(*cursor) == row.seek);
            cursor->seek_back(row.key);
            CHECK(at(*cursor) == row.seek_back);
        }
    }
}

TEST_CASE_TEMPLATE("engine: keys are in the order of their unsigned bytes", On, DIVAN_ENGINES) {
    On on;
    const std::vector<Bytes> sorted{Bytes("\0", 1),        Bytes("\0\0", 2), Bytes("\0\x01", 2),
                                    Bytes("\0\xff", 2),    "\x01",           "A",
                                    Bytes("A\0", 2),       "AA",             "a",
                                    "\x7f",                "\x80",           "\xff",
                                    Bytes("\xff\0", 2),    "\xff\xff"};
    commit(*on.engine, [&](Batch& batch) {
        for (auto key = sorted.rbegin(); key != sorted.rend(); ++key) {
            batch.put(Family::docs, *key, "v");
        }
    });
    const auto cursor = on.engine->cursor(Family::docs, "", "");
    cursor->seek("");
    for (const auto& key : sorted) {
        REQUIRE(cursor->valid());
        CHECK(cursor->key() == key);
        cursor->next();
    }
    CHECK_FALSE(cursor->valid());
    cursor->seek_back(Bytes(20, '\xff'));
    for (auto key = sorted.rbegin(); key != sorted.rend(); ++key) {
        REQUIRE(cursor->valid());
        CHECK(cursor->key() == *key);
        cursor->previous();
    }
    CHECK_FALSE(cursor->valid());
}

TEST_CASE_TEMPLATE("engine: the limits may go away once the cursor is made", On, DIVAN_ENGINES) {
    On on;
    put_letters(*on.engine, Family::docs, "abcd");
    auto lower = std::make_unique<Bytes>("b");
    auto upper = std::make_unique<Bytes>("d");
    const auto cursor = on.engine->cursor(Family::docs, *lower, *upper);
    lower->assign("x");
    upper->assign("x");
    lower.reset();
    upper.reset();
    cursor->seek("");
    CHECK(rest(*cursor) == "b=B c=C");
}

TEST_CASE_TEMPLATE("engine: a cursor passes over what ranges have erased", On, DIVAN_ENGINES) {
    On on;
    auto& engine = *on.engine;
    commit(engine, [](Batch& batch) {
        for (int i = 1000; i < 3000; ++i) batch.put(Family::docs, std::to_string(i), "v");
    });
    for (int i = 1000; i < 3000; i += 5) {
        commit(engine, [&](Batch& batch) {
            batch.erase_range(Family::docs, std::to_string(i), std::to_string(i + 4));
        });
    }
    const auto cursor = engine.cursor(Family::docs, "", "");
    int found = 0;
    for (cursor->seek(""); cursor->valid(); cursor->next()) {
        REQUIRE(cursor->key() == std::to_string(1004 + 5 * found));
        ++found;
    }
    CHECK(found == 400);
    for (cursor->seek_back("x"); cursor->valid(); cursor->previous()) --found;
    CHECK(found == 0);
}

}  // namespace divan::storage
