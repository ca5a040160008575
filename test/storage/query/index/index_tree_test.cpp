#include "storage/query/index/index_tree.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "storage/engine/keys.h"
#include "storage/engine/memory_engine.h"
#include "storage/query/index/tree_editor.h"

namespace divan::storage {
namespace {

std::uint64_t number(BytesView text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

class SumReducer final : public Reducer {
public:
    Bytes reduce(std::span<const IndexRow> rows) const override {
        std::uint64_t sum = 0;
        for (const auto& row : rows) sum += number(row.value);
        return std::to_string(sum);
    }
    Bytes rereduce(std::span<const BytesView> reductions) const override {
        std::uint64_t sum = 0;
        for (const auto part : reductions) sum += number(part);
        return std::to_string(sum);
    }
};

/// All keys in their order: tells whether rows come to reducers in order.
class KeysReducer : public Reducer {
public:
    Bytes reduce(std::span<const IndexRow> rows) const override {
        Bytes all;
        for (const auto& row : rows) all.append(row.key).push_back(' ');
        return all;
    }
    Bytes rereduce(std::span<const BytesView> reductions) const override {
        Bytes all;
        for (const auto part : reductions) all.append(part);
        return all;
    }
};

/// The same, in the order that CouchDB gives.
class ReadKeysReducer final : public KeysReducer {
public:
    bool ordered() const override { return false; }
};

std::vector<std::string> sorted_words(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> words{std::istream_iterator<std::string>(in), {}};
    std::sort(words.begin(), words.end());
    return words;
}

/// Counts the nodes that are read.
class CountingReader final : public Reader {
public:
    explicit CountingReader(const Reader& reader) : reader_(reader) {}
    bool get(Family family, BytesView key, Bytes& value) const override {
        ++reads;
        return reader_.get(family, key, value);
    }
    std::vector<std::optional<Bytes>> get_many(Family family,
                                               std::span<const Bytes> keys) const override {
        return reader_.get_many(family, keys);
    }
    std::unique_ptr<Cursor> cursor(Family family, BytesView lower,
                                   BytesView upper) const override {
        return reader_.cursor(family, lower, upper);
    }
    mutable std::size_t reads = 0;

private:
    const Reader& reader_;
};

using Model = std::map<std::string, std::string>;

struct TreeFixture {
    std::unique_ptr<Engine> engine = make_memory_engine();
    TreeAddress address{DatabaseId{7}, 1, 0};
    Reducers reducers{std::make_shared<SumReducer>(), std::make_shared<KeysReducer>()};
    TreeShape shape{200, 60};
    TreeState state;
    Model model;

    /// An empty value takes the row away.
    void edit(const Model& changes) {
        std::vector<RowEdit> edits;
        for (const auto& [key, value] : changes) {
            edits.push_back({
                {key, static_cast<std::uint32_t>(key.size()), key, value},
                value.empty()
            });
        }
        Batch batch;
        state = TreeEditor(*engine, batch, address, reducers, shape).apply(state, edits);
        engine->commit(batch, Durability::buffered);
        for (const auto& [key, value] : changes) {
            if (value.empty()) {
                model.erase(key);
            } else {
                model[key] = value;
            }
        }
    }
    std::size_t nodes() const {
        const auto prefix = keys::index_nodes_of(address.database, address.index);
        const auto cursor = engine->cursor(Family::index, prefix, keys::after_prefix(prefix));
        std::size_t count = 0;
        for (cursor->seek(prefix); cursor->valid(); cursor->next()) ++count;
        return count;
    }
    void check_walk() const {
        const IndexTree tree(*engine, address, state);
        IndexCursor cursor(tree);
        auto expected = model.begin();
        for (cursor.seek({}); cursor.valid(); cursor.next(), ++expected) {
            REQUIRE(expected != model.end());
            REQUIRE(cursor.row().entry == expected->first);
            REQUIRE(cursor.row().value == expected->second);
        }
        REQUIRE(expected == model.end());
        REQUIRE(state.rows == model.size());
        auto backward = model.rbegin();
        for (cursor.seek_back({}); cursor.valid(); cursor.previous(), ++backward) {
            REQUIRE(cursor.row().entry == backward->first);
        }
        REQUIRE(backward == model.rend());
    }
    void check_range(const std::string& lower, const std::string& upper) const {
        const IndexTree tree(*engine, address, state);
        const auto from = model.lower_bound(lower);
        const auto to = upper.empty() ? model.end() : model.lower_bound(upper);
        const auto below = static_cast<std::uint64_t>(std::distance(model.begin(), from));
        REQUIRE(tree.count_below(lower) == below);
        IndexCursor cursor(tree);
        cursor.seek(lower);
        REQUIRE(cursor.valid() == (from != model.end()));
        if (cursor.valid()) REQUIRE(cursor.row().entry == from->first);
        cursor.seek_position(below);
        REQUIRE(cursor.valid() == (from != model.end()));
        if (cursor.valid()) REQUIRE(cursor.row().entry == from->first);
        cursor.seek_back(upper);
        REQUIRE(cursor.valid() == (to != model.begin()));
        if (cursor.valid()) REQUIRE(cursor.row().entry == std::prev(to)->first);
        if (!upper.empty() && upper < lower) return;
        std::uint64_t sum = 0;
        std::string keys;
        for (auto row = from; row != to; ++row) {
            sum += number(row->second);
            keys += row->first + " ";
        }
        const auto found = tree.reduce(lower, upper, 0, *reducers[0]);
        REQUIRE(found.has_value() == (from != to));
        if (!found) return;
        REQUIRE(*found == std::to_string(sum));
        REQUIRE(tree.reduce(lower, upper, 1, *reducers[1]) == keys);
        // Backwards, so that the entries need not be those of rows.
        const auto read = tree.reduce(lower, upper, 1, ReadKeysReducer(), true);
        REQUIRE(sorted_words(read.value()) == sorted_words(keys));
    }
};

std::string random_key(std::mt19937& random, unsigned range) {
    auto key = std::to_string(random() % range);
    key.insert(0, 6 - std::min<std::size_t>(key.size(), 5), '0');
    if (random() % 50 == 0) key.append(random() % 150, 'x');
    return key;
}

}  // namespace

TEST_CASE("a tree equals a sorted map, whatever the edits, and its reductions those of the rows") {
    std::mt19937 random(4711);
    TreeFixture tree;
    for (int round = 0; round < 400; ++round) {
        Model changes;
        const bool shrinking = round / 40 % 3 == 2;
        for (auto n = random() % (round % 7 == 0 ? 200 : 8) + 1; n > 0; --n) {
            const bool erase = random() % 10 < (shrinking ? 8U : 2U);
            auto key = random_key(random, 2000);
            if (erase && shrinking && !tree.model.empty()) {
                const auto near = tree.model.lower_bound(key);
                if (near != tree.model.end()) key = near->first;
            }
            changes[key] = erase ? "" : std::to_string(random() % 1000);
        }
        tree.edit(changes);
        if (round % 20 == 0) tree.check_walk();
        for (int i = 0; i < 5; ++i) {
            const auto a = random_key(random, 2100);
            const auto b = random_key(random, 2100);
            tree.check_range(std::min(a, b), random() % 8 == 0 ? "" : std::max(a, b));
        }
        tree.check_range("", "");
    }
    tree.check_walk();
    Model all;
    for (const auto& [key, value] : tree.model) all[key] = "";
    tree.edit(all);
    CHECK(tree.state.root == 0);
    CHECK(tree.state.rows == 0);
    CHECK(tree.nodes() == 0);
}

TEST_CASE("one row more costs one node a level") {
    TreeFixture tree;
    tree.shape = {};
    tree.reducers.pop_back();
    Model rows;
    for (int i = 0; i < 20000; ++i) rows["key" + std::to_string(100000 + 2 * i)] = "1";
    tree.edit(rows);
    CHECK(tree.state.height >= 1);
    std::vector<RowEdit> edits{
        {{"key110001", 9, "key110001", "1"}, false}
    };
    Batch batch;
    const auto after = TreeEditor(*tree.engine, batch, tree.address, tree.reducers, tree.shape)
                           .apply(tree.state, edits);
    CHECK(after.rows == 20001);
    CHECK(batch.entries().size() <= tree.state.height + 2);
}

TEST_CASE("counting and reducing a range costs reads by the height, not by the rows") {
    for (const int rows : {1000, 10'000, 100'000}) {
        TreeFixture tree;
        tree.shape = {};
        tree.reducers.pop_back();
        Model model;
        for (int i = 0; i < rows; ++i) model["key" + std::to_string(1'000'000 + i)] = "1";
        tree.edit(model);
        const CountingReader reader(*tree.engine);
        const IndexTree read(reader, tree.address, tree.state);
        const auto sum = read.reduce("key1000010", "key" + std::to_string(999'990 + rows), 0,
                                     *tree.reducers[0]);
        CHECK(sum == std::to_string(rows - 20));
        CHECK(reader.reads <= 2 * (tree.state.height + 1));
        CHECK(read.count_below("key1000500") == 500);
        CHECK(reader.reads <= 3 * (tree.state.height + 1));
    }
}

TEST_CASE("edits that change nothing write nothing") {
    TreeFixture tree;
    Model rows;
    for (int i = 100; i < 300; ++i) rows[std::to_string(i)] = "5";
    tree.edit(rows);
    Batch batch;
    std::vector<RowEdit> edits{
        {{"150", 3, "150", "5"}, false},
        {{"1505", 4, {}, {}},    true }
    };
    const auto after = TreeEditor(*tree.engine, batch, tree.address, tree.reducers, tree.shape)
                           .apply(tree.state, edits);
    CHECK(batch.empty());
    CHECK(after.root == tree.state.root);
}

TEST_CASE("nodes that are no nodes are corrupt, not a crash") {
    std::mt19937 random(99);
    const std::string key = "entry";
    const auto leaf = encode_leaf({
        {key,      3, "1", "2"},
        {"entry2", 3, "1", "2"}
    });
    const auto inner = encode_inner({
        {key,      1, 2, "red"},
        {"entry2", 3, 1, "r"  }
    });
    for (const auto& good : {leaf, inner}) {
        for (std::size_t size = 0; size < good.size(); ++size) {
            CHECK_THROWS_AS(IndexNode::decode(BytesView(good).substr(0, size)), CorruptBytes);
        }
        for (int round = 0; round < 2000; ++round) {
            auto bad = good;
            bad[random() % bad.size()] = static_cast<char>(random());
            try {
                const auto node = IndexNode::decode(bad);
                for (const auto& row : node.rows) (void)row.id();
            } catch (const CorruptBytes&) {
            }
        }
    }
}

}  // namespace divan::storage
