#include "storage/document/revision_tree.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "storage/base/digest.h"

namespace divan::storage {
namespace {

using Leaf = RevisionTree::Leaf;
using Merged = RevisionTree::Merged;

// One letter a hash: "cba" is a path of three, newest first.
std::vector<RevisionHash> hashes(std::string_view letters) {
    std::vector<RevisionHash> path;
    for (const char letter : letters) path.emplace_back(std::string(16, letter));
    return path;
}

Revision rev(std::uint64_t generation, char letter) {
    return {generation, RevisionHash(std::string(16, letter))};
}

Merged merge(RevisionTree& tree, std::uint64_t generation, std::string_view letters,
             Leaf leaf = {}) {
    return tree.merge(generation, hashes(letters), leaf);
}

std::string letters_of(const std::vector<Revision>& path) {
    std::string letters;
    for (const auto& revision : path) letters.push_back(revision.hash.bytes()[0]);
    return letters;
}

// "3:cba 2:xa": each leaf's generation and path, the winner first.
std::string shape(const RevisionTree& tree) {
    std::string text;
    for (const auto leaf : tree.leaves()) {
        if (!text.empty()) text.push_back(' ');
        text += std::to_string(tree.node(leaf).revision.generation) + ":" +
                letters_of(tree.path(leaf));
    }
    return text;
}

void check_invariants(const RevisionTree& tree) {
    std::set<Revision> seen;
    std::vector<bool> has_child(tree.nodes().size());
    for (std::size_t i = 0; i < tree.nodes().size(); ++i) {
        const auto& node = tree.nodes()[i];
        REQUIRE(seen.insert(node.revision).second);
        REQUIRE(node.revision.generation > 0);
        if (node.parent == RevisionNode::no_parent) continue;
        REQUIRE(node.parent < i);
        REQUIRE(tree.node(node.parent).revision.generation + 1 == node.revision.generation);
        has_child[node.parent] = true;
    }
    for (std::size_t i = 0; i < tree.nodes().size(); ++i) {
        REQUIRE(tree.nodes()[i].leaf == !has_child[i]);
    }
}

struct Edit {
    std::uint64_t generation;
    std::vector<RevisionHash> path;
    Leaf leaf;
};

// Replicated edits of one random document: each a revision with some or all of its ancestors.
std::vector<Edit> random_edits(std::mt19937& random, std::size_t count) {
    struct Made {
        std::uint64_t generation;
        RevisionHash hash;
        std::optional<std::size_t> parent;
    };
    std::vector<Made> made;
    std::vector<Edit> edits;
    for (std::size_t i = 0; i < count; ++i) {
        Made next{1, RevisionHash(as_bytes(md5(std::to_string(random())))), std::nullopt};
        if (!made.empty() && random() % 8 != 0) {
            next.parent = random() % 3 == 0 ? random() % made.size() : made.size() - 1;
            next.generation = made[*next.parent].generation + 1;
        }
        made.push_back(next);
        const Leaf leaf{random() % 4 == 0, Sequence{random() % 1000}, random() % 500};
        Edit edit{next.generation, {}, leaf};
        const auto depth = 1 + random() % 12;
        for (std::optional<std::size_t> at = i; at && edit.path.size() < depth;
             at = made[*at].parent) {
            edit.path.push_back(made[*at].hash);
        }
        edits.push_back(std::move(edit));
    }
    return edits;
}

RevisionTree merged(const std::vector<Edit>& edits) {
    RevisionTree tree;
    for (const auto& edit : edits) tree.merge(edit.generation, edit.path, edit.leaf);
    return tree;
}

std::set<std::string> histories(const RevisionTree& tree) {
    std::set<std::string> all;
    for (const auto leaf : tree.leaves()) {
        std::string text = std::to_string(tree.node(leaf).revision.generation);
        text += tree.node(leaf).deleted ? " deleted" : "";
        for (const auto& revision : tree.path(leaf)) text += hex_encode(revision.hash.bytes());
        all.insert(text);
    }
    return all;
}

bool same(const RevisionNode& a, const RevisionNode& b) {
    return a.revision == b.revision && a.parent == b.parent && a.deleted == b.deleted &&
           a.has_body == b.has_body && a.leaf == b.leaf &&
           a.sequence == b.sequence && (!a.has_body || a.body_bytes == b.body_bytes);
}

Bytes encoded(const RevisionTree& tree) {
    Bytes bytes;
    tree.encode(bytes);
    return bytes;
}

}  // namespace

TEST_CASE("revision tree: a path grows a leaf, makes a branch, or is there already") {
    struct {
        std::string title;
        std::vector<std::pair<std::uint64_t, const char*>> paths;
        Merged outcome;  ///< Of the last path.
        std::string shape;
    } const cases[] = {
        {"the first", {{1, "a"}}, Merged::new_leaf, "1:a"},
        {"the next", {{1, "a"}, {2, "ba"}}, Merged::new_leaf, "2:ba"},
        {"many at once", {{1, "a"}, {4, "dcba"}}, Merged::new_leaf, "4:dcba"},
        {"a conflict", {{1, "a"}, {2, "ba"}, {2, "ca"}}, Merged::new_branch, "2:ca 2:ba"},
        {"an unrelated one", {{1, "a"}, {2, "xy"}}, Merged::new_branch, "2:xy 1:a"},
        {"the same again", {{2, "ba"}, {2, "ba"}}, Merged::unchanged, "2:ba"},
        {"a part of it", {{3, "cba"}, {3, "c"}}, Merged::unchanged, "3:cba"},
        {"an inner one's body", {{3, "cba"}, {2, "ba"}}, Merged::internal_node, "3:cba"},
        {"a longer history", {{3, "c"}, {3, "cba"}}, Merged::internal_node, "3:cba"},
        {"a longer history and a leaf", {{3, "c"}, {4, "dcba"}}, Merged::new_leaf, "4:dcba"},
        {"a longer history and a branch", {{4, "dc"}, {4, "ecba"}}, Merged::new_branch,
         "4:ecba 4:dcba"},
        {"a history deep below", {{5, "edcb"}, {3, "xba"}}, Merged::new_branch, "5:edcba 3:xba"},
        {"what joins two trees", {{1, "a"}, {4, "dc"}, {4, "dcba"}}, Merged::internal_node,
         "4:dcba"},
        {"equal hashes of other generations", {{1, "a"}, {2, "aa"}}, Merged::new_leaf, "2:aa"},
    };
    for (const auto& row : cases) {
        CAPTURE(row.title);
        RevisionTree tree;
        auto outcome = Merged::unchanged;
        for (const auto& [generation, path] : row.paths) outcome = merge(tree, generation, path);
        CHECK(outcome == row.outcome);
        CHECK(shape(tree) == row.shape);
        check_invariants(tree);
    }
}

TEST_CASE("revision tree: a late body goes to the revision known by name only, once") {
    RevisionTree tree;
    merge(tree, 3, "cba", {false, Sequence{1}, 10});
    const auto inner = *tree.find(rev(2, 'b'));
    CHECK_FALSE(tree.node(inner).has_body);

    CHECK(merge(tree, 2, "b", {true, Sequence{2}, 20}) == Merged::internal_node);
    CHECK(merge(tree, 2, "b", {false, Sequence{3}, 30}) == Merged::unchanged);
    CHECK(tree.node(inner).has_body);
    CHECK(tree.node(inner).deleted);
    CHECK(tree.node(inner).sequence == Sequence{2});
    CHECK(tree.node(inner).body_bytes == 20);
}

TEST_CASE("revision tree: a second history of a revision is a branch of its own") {
    RevisionTree tree;
    merge(tree, 3, "cba");
    CHECK(merge(tree, 2, "bz") == Merged::new_branch);
    CHECK(shape(tree) == "3:cba 2:bz");
    CHECK(tree.node(*tree.find(rev(2, 'b'))).leaf);
    CHECK(merge(tree, 2, "bz") == Merged::unchanged);
    CHECK(merge(tree, 4, "dc") == Merged::new_leaf);
    CHECK(shape(tree) == "4:dcba 2:bz");
}

TEST_CASE("revision tree: the winner lives, is longest, and has the greatest hash") {
    RevisionTree tree;
    merge(tree, 2, "ba");
    merge(tree, 2, "ca");
    CHECK(tree.node(tree.winner()).revision == rev(2, 'c'));
    merge(tree, 3, "dba");
    CHECK(tree.node(tree.winner()).revision == rev(3, 'd'));
    merge(tree, 4, "edba", {true, {}, 0});
    CHECK(tree.node(tree.winner()).revision == rev(2, 'c'));
    merge(tree, 3, "fca", {true, {}, 0});
    CHECK(tree.node(tree.winner()).revision == rev(4, 'e'));
    CHECK(shape(tree) == "4:edba 3:fca");
}

TEST_CASE("revision tree: stemming keeps so many revisions of every leaf") {
    RevisionTree tree;
    merge(tree, 6, "fedcba");
    merge(tree, 3, "xba");
    merge(tree, 3, "c");
    const auto dropped = tree.stem(2);
    CHECK(shape(tree) == "6:fe 3:xb");
    check_invariants(tree);
    REQUIRE(dropped.size() == 1);
    CHECK(dropped[0] == rev(3, 'c'));
    CHECK(tree.stem(2).empty());

    RevisionTree shared;
    merge(shared, 4, "dcba");
    merge(shared, 2, "xa");
    shared.stem(2);
    CHECK(shape(shared) == "4:dc 2:xa");
}

TEST_CASE("revision tree: removing leaves takes what no other leaf stands on") {
    RevisionTree tree;
    merge(tree, 1, "a");
    merge(tree, 3, "cba");
    merge(tree, 2, "xa");
    std::vector<Revision> dropped;

    const std::vector<Revision> inner{rev(2, 'b'), rev(9, 'q')};
    CHECK(tree.remove_leaves(inner, dropped).empty());
    CHECK(dropped.empty());

    const std::vector<Revision> some{rev(3, 'c'), rev(3, 'c'), rev(2, 'b')};
    CHECK(letters_of(tree.remove_leaves(some, dropped)) == "c");
    CHECK(shape(tree) == "2:xa");
    CHECK(letters_of(dropped) == "c");
    check_invariants(tree);

    dropped.clear();
    const std::vector<Revision> rest{rev(2, 'x')};
    CHECK(tree.remove_leaves(rest, dropped).size() == 1);
    CHECK(tree.empty());
    CHECK(letters_of(dropped) == "ax");
}

TEST_CASE("revision tree: the leaves above a revision are those that grew from it") {
    RevisionTree tree;
    merge(tree, 3, "cba");
    merge(tree, 3, "dba");
    merge(tree, 2, "xa");
    const auto above = [&](const Revision& revision) {
        std::string letters;
        for (const auto i : tree.leaves_above(*tree.find(revision))) {
            letters.push_back(tree.node(i).revision.hash.bytes()[0]);
        }
        std::sort(letters.begin(), letters.end());
        return letters;
    };
    CHECK(above(rev(1, 'a')) == "cdx");
    CHECK(above(rev(2, 'b')) == "cd");
    CHECK(above(rev(2, 'x')) == "x");
}

TEST_CASE("revision tree: merging is independent of order, and repeating changes nothing") {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        auto edits = random_edits(random, 1 + random() % 30);
        const auto expected = histories(merged(edits));
        for (int round = 0; round < 5; ++round) {
            std::shuffle(edits.begin(), edits.end(), random);
            auto tree = merged(edits);
            check_invariants(tree);
            REQUIRE(histories(tree) == expected);
            for (const auto& edit : edits) {
                REQUIRE(tree.merge(edit.generation, edit.path, edit.leaf) == Merged::unchanged);
            }
        }
    }
}

TEST_CASE("revision tree: stemming leaves every leaf, the winner, and no longer history") {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        auto tree = merged(random_edits(random, 1 + random() % 60));
        const auto limit = 1 + random() % 10;
        const auto before = tree;
        const auto dropped = tree.stem(limit);
        check_invariants(tree);
        REQUIRE(tree.leaves().size() == before.leaves().size());
        REQUIRE(tree.node(tree.winner()).revision == before.node(before.winner()).revision);
        for (const auto leaf : before.leaves()) {
            auto path = before.path(leaf);
            const auto now = tree.path(*tree.find(path[0]));
            REQUIRE(now.size() >= std::min<std::size_t>(path.size(), limit));
            path.resize(now.size());
            REQUIRE(now == path);
        }
        for (const auto& revision : dropped) REQUIRE_FALSE(tree.find(revision));
        std::size_t bodies = 0;
        for (const auto& node : before.nodes()) bodies += node.has_body;
        for (const auto& node : tree.nodes()) bodies -= node.has_body;
        REQUIRE(bodies == dropped.size());
    }
}

TEST_CASE("revision tree: what is encoded decodes to the same tree") {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        auto tree = merged(random_edits(random, random() % 40));
        for (RevisionTree::Index i = 0; i < tree.nodes().size(); ++i) {
            if (!tree.node(i).leaf && random() % 2 == 0) tree.drop_body(i);
        }
        const auto bytes = encoded(tree) + "rest";
        ByteReader in(bytes);
        const auto back = RevisionTree::decode(in);
        REQUIRE(in.rest() == "rest");
        REQUIRE(std::equal(tree.nodes().begin(), tree.nodes().end(), back.nodes().begin(),
                           back.nodes().end(), same));
    }
}

TEST_CASE("revision tree: a linear history costs a byte more than its hashes") {
    RevisionTree tree;
    std::vector<RevisionHash> path;
    for (int i = 0; i < 1000; ++i) path.emplace_back(as_bytes(md5(std::to_string(i))));
    tree.merge(1000, path, {false, Sequence{5}, 100});
    CHECK(encoded(tree).size() == 1000 * 17 + 5);
}

TEST_CASE("revision tree: damaged bytes are refused or read as some tree, never worse") {
    std::mt19937 random(7);
    const auto good = encoded(merged(random_edits(random, 12)));
    for (int round = 0; round < 20000; ++round) {
        auto bytes = good;
        for (auto changes = 1 + random() % 3; changes > 0; --changes) {
            bytes[random() % bytes.size()] = static_cast<char>(random());
        }
        if (random() % 3 == 0) bytes.resize(random() % bytes.size());
        try {
            ByteReader in(bytes);
            const auto tree = RevisionTree::decode(in);
            for (const auto leaf : tree.leaves()) tree.path(leaf);
        } catch (const CorruptBytes&) {
        }
    }
    Bytes huge;
    ByteWriter(huge).varint(std::numeric_limits<std::uint64_t>::max());
    ByteReader in(huge);
    CHECK_THROWS_AS(RevisionTree::decode(in), CorruptBytes);
}

TEST_CASE("revision tree: winners, conflicts and histories are those of CouchDB") {
    std::ifstream file("test/conformance/tables/trees.jsonl");
    REQUIRE(file.is_open());
    int played = 0;
    for (std::string line; std::getline(file, line); ++played) {
        CAPTURE(played);
        const auto row = boost::json::parse(line);
        RevisionTree tree;
        for (const auto& edit : row.at("edits").as_array()) {
            std::vector<RevisionHash> path;
            for (const auto& id : edit.at("ids").as_array()) {
                path.emplace_back(*hex_decode(std::string_view(id.as_string())));
            }
            tree.merge(edit.at("start").to_number<std::uint64_t>(), path,
                       {edit.at("deleted").as_bool(), Sequence{}, 0});
            tree.stem(1000);
        }
        const auto text = [&](RevisionTree::Index i) {
            const auto& revision = tree.node(i).revision;
            return std::to_string(revision.generation) + "-" + hex_encode(revision.hash.bytes());
        };
        const auto leaves = tree.leaves();
        boost::json::array conflicts, deleted_conflicts;
        std::map<std::string, boost::json::value> by_name;
        for (const auto leaf : leaves) {
            const bool deleted = tree.node(leaf).deleted;
            if (leaf != leaves[0]) {
                (deleted ? deleted_conflicts : conflicts).push_back(text(leaf).c_str());
            }
            boost::json::array ids;
            for (const auto& revision : tree.path(leaf)) {
                ids.push_back(hex_encode(revision.hash.bytes()).c_str());
            }
            const auto name = text(leaf);
            by_name[name] = {{"rev", name}, {"deleted", deleted}, {"ids", ids}};
        }
        const auto& answer = row.at("answer");
        const bool found = answer.at("status").as_int64() == 200;
        CHECK(tree.winner() == leaves[0]);
        CHECK(found == !tree.node(leaves[0]).deleted);
        if (found) {
            CHECK(text(leaves[0]) == answer.at("winner").as_string().c_str());
            CHECK(conflicts == answer.at("conflicts").as_array());
            CHECK(deleted_conflicts == answer.at("deleted_conflicts").as_array());
        }
        REQUIRE(by_name.size() == answer.at("leaves").as_array().size());
        for (const auto& expected : answer.at("leaves").as_array()) {
            const auto& leaf = by_name.at(expected.at("rev").as_string().c_str());
            CHECK(leaf.at("deleted") == expected.at("deleted"));
            CHECK(leaf.at("ids") == expected.at("ids"));
        }
    }
    CHECK(played == 400);
}

}  // namespace divan::storage
