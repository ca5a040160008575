#include "server/handlers/bulk/missing_revisions.h"

#include <algorithm>
#include <span>

#include "storage/database/read_view.h"

namespace divan::server {
namespace {

using storage::Revision;

/// Records that are in memory at a time.
constexpr std::size_t batch_ids_max = 256;

// couch_key_tree:find_missing/2 gives them in order, and takes one that is there away once, however
// often it was asked for.
std::vector<Revision> find_missing(const storage::RevisionTree& tree,
                                   std::vector<Revision> wanted) {
    std::sort(wanted.begin(), wanted.end());
    std::vector<Revision> missing;
    const Revision* found = nullptr;
    for (const auto& one : wanted) {
        const bool again = found != nullptr && *found == one;
        if (!again && tree.find(one)) {
            found = &one;
        } else {
            missing.push_back(one);
        }
    }
    return missing;
}

// The leaves below the highest missing generation, the winner first (couch_db:get_missing_revs/2).
std::vector<Revision> find_possible_ancestors(const storage::RevisionTree& tree,
                                              const std::vector<Revision>& missing) {
    std::vector<Revision> found;
    for (const auto index : tree.leaves()) {
        const auto& leaf = tree.node(index).revision;
        if (leaf.generation < missing.back().generation) found.push_back(leaf);
    }
    return found;
}

void look_up(const storage::ReadView& view, std::span<storage::PurgeRow> rows,
             std::vector<MissingRevisions>& out) {
    std::vector<std::string> ids;
    ids.reserve(rows.size());
    for (const auto& row : rows) ids.push_back(row.id);
    const auto records = view.records(ids);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        MissingRevisions missing{std::move(rows[i].id), std::move(rows[i].revisions), {}};
        if (records[i]) {
            const auto& tree = records[i]->tree;
            missing.revisions = find_missing(tree, std::move(missing.revisions));
            if (!missing.revisions.empty()) {
                missing.possible_ancestors = find_possible_ancestors(tree, missing.revisions);
            }
        }
        if (!missing.revisions.empty()) out.push_back(std::move(missing));
    }
}

}  // namespace

std::vector<MissingRevisions> find_all_missing(const storage::Database& database,
                                               std::vector<storage::PurgeRow> rows) {
    const auto view = database.view();
    std::vector<MissingRevisions> missing;
    const std::span all(rows);
    for (std::size_t at = 0; at < all.size(); at += batch_ids_max) {
        look_up(*view, all.subspan(at, std::min(batch_ids_max, all.size() - at)), missing);
    }
    return missing;
}

}  // namespace divan::server
