#include "tools/import/couch_file/revision_forest.h"

#include <algorithm>

#include "tools/import/couch_file/damage.h"

namespace divan::import {
namespace {

// Deeper than any history: CouchDB stems at `_revs_limit`, by default 1000.
constexpr std::size_t depth_max = 1'000'000;

struct Step {
    const Term* node;
    std::size_t depth;
};

// [] where the revision is only known by name; else {Deleted, Pointer, Sequence, ...}.
void add_leaf(std::vector<FileLeaf>& leaves, std::uint64_t start,
              const std::vector<storage::RevisionHash>& path, const Term& value) {
    if (!value.is_tuple()) return;
    const auto fields = value.tuple(3);
    FileLeaf leaf;
    leaf.generation = start + path.size() - 1;
    leaf.path.assign(path.rbegin(), path.rend());
    leaf.deleted = fields[0].kind == Term::Kind::integer ? fields[0].integer() != 0
                                                         : fields[0].is_atom("true");
    leaf.body = fields[1].unsigned_integer();
    leaves.push_back(std::move(leaf));
}

// Without recursion: a history may be as long as somebody's `_revs_limit`.
void walk(const Term& tree, std::uint64_t start, std::vector<FileLeaf>& leaves) {
    std::vector<Step> waiting{{&tree, 0}};
    std::vector<storage::RevisionHash> path;
    while (!waiting.empty()) {
        const auto [node, depth] = waiting.back();
        waiting.pop_back();
        if (depth > depth_max) throw Damage("an absurdly long history");
        const auto parts = node->tuple(3);
        path.resize(depth);
        path.emplace_back(parts[0].any_text());
        const auto children = parts[2].list();
        if (children.empty()) add_leaf(leaves, start, path, parts[1]);
        for (auto child = children.size(); child > 0; --child) {
            waiting.push_back({&children[child - 1], depth + 1});
        }
    }
}

}  // namespace

std::vector<FileLeaf> leaves_of(const Term& forest) {
    std::vector<FileLeaf> leaves;
    for (const auto& root : forest.list()) {
        const auto parts = root.tuple(2);
        walk(parts[1], parts[0].unsigned_integer(), leaves);
    }
    return leaves;
}

}  // namespace divan::import
