#include "storage/engine/keys.h"

#include <doctest/doctest.h>

#include <vector>

namespace divan::storage {

TEST_CASE("keys: everything of a database is under its prefix, between its neighbours") {
    const DatabaseId database{255};
    const auto first = keys::database(database);
    const auto after = keys::after_prefix(first);
    const Bytes every[] = {
        keys::document(database, "\xff"),
        keys::body(database, "\xff\xff", "\xff"),
        keys::change(database, Sequence{UINT64_MAX}),
        keys::chunk(database, AttachmentId{UINT64_MAX}, UINT32_MAX),
        keys::local(database, ""),
        keys::range_count(database, keys::count_documents, "\xff"),
    };
    for (const auto& key : every) {
        CHECK(key >= first);
        CHECK(key < after);
        CHECK(key < keys::database(DatabaseId{256}));
        CHECK(key > keys::document(DatabaseId{254}, "\xff\xff"));
    }
}

TEST_CASE("keys: a document's bodies stay together, in the order of ids") {
    const DatabaseId database{1};
    const std::vector<std::string> ids{"", std::string("\0", 1), std::string("\0\0", 2),
                                       std::string("\0\1", 2), "\x01", "a",
                                       std::string("a\0", 2), std::string("a\0b", 3), "a\x01",
                                       "aa", "b", "\xff", "\xff\xff"};
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto prefix = keys::bodies_of(database, ids[i]);
        for (std::size_t j = 0; j < ids.size(); ++j) {
            CAPTURE(i);
            CAPTURE(j);
            const auto low = keys::body(database, ids[j], "");
            const auto high = keys::body(database, ids[j], "\xff\xff\xff");
            CHECK(low.starts_with(prefix) == (i == j));
            CHECK(high.starts_with(prefix) == (i == j));
            if (i < j) CHECK(keys::body(database, ids[i], "\xff\xff\xff") < low);
            if (i < j) CHECK(keys::document(database, ids[i]) < keys::document(database, ids[j]));
        }
    }
}

TEST_CASE("keys: ids and sequences are read back from keys") {
    CHECK(keys::id_of(keys::document(DatabaseId{7}, "some id")) == "some id");
    CHECK(keys::id_of(keys::local(DatabaseId{7}, "")).empty());
    CHECK(keys::sequence_of(keys::change(DatabaseId{7}, Sequence{1234567890123})) ==
          Sequence{1234567890123});
    CHECK_THROWS_AS(keys::id_of("short"), CorruptBytes);
    CHECK_THROWS_AS(keys::sequence_of(keys::database(DatabaseId{7})), CorruptBytes);
}

TEST_CASE("keys: chunks and changes sort by number") {
    const DatabaseId database{1};
    CHECK(keys::change(database, Sequence{255}) < keys::change(database, Sequence{256}));
    const AttachmentId attachment{1};
    CHECK(keys::chunk(database, attachment, 255) < keys::chunk(database, attachment, 256));
    CHECK(keys::chunk(database, AttachmentId{1}, UINT32_MAX) <
          keys::chunks_of(database, AttachmentId{2}));
    CHECK(keys::chunk(database, AttachmentId{1}, 0).starts_with(
        keys::chunks_of(database, AttachmentId{1})));
}

TEST_CASE("keys: the key after a prefix is after all that starts with it, and no later") {
    CHECK(keys::after_prefix("a") == "b");
    CHECK(keys::after_prefix("a\xff") == "b");
    CHECK(keys::after_prefix("a\xff\xff") == "b");
    CHECK(keys::after_prefix("\x7f") == "\x80");
    CHECK(keys::after_prefix("\xff\xff").empty());
    CHECK(keys::after_prefix("").empty());
}

TEST_CASE("keys: kinds in the catalog never meet") {
    const DatabaseId database{0x6e6e6e6e6e6e6e6e};
    const std::vector<Bytes> every{
        keys::catalog_entry("nnnnnnnn"), keys::next_database_id(),
        keys::state(database),           keys::settings(database),
        keys::upload(database, {}),      keys::purge(database, 0),
    };
    for (std::size_t i = 0; i < every.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) CHECK(every[i][0] != every[j][0]);
    }
}

}  // namespace divan::storage
