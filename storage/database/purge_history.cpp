#include "storage/database/purge_history.h"

#include "storage/engine/keys.h"

namespace divan::storage {

std::vector<PurgeRow> purge_history(const ReadView& view) {
    const auto database = view.database().id();
    const auto last = view.state().purge_sequence;
    const auto cursor = view.snapshot().cursor(Family::catalog, keys::purge(database, 0),
                                               keys::after_prefix(keys::purge(database, last)));
    std::vector<PurgeRow> rows;
    for (cursor->seek(keys::purge(database, 0)); cursor->valid(); cursor->next()) {
        ByteReader in(cursor->value());
        auto& row = rows.emplace_back();
        row.id = in.sized();
        while (!in.empty()) row.revisions.push_back(revision_of_key(in.sized()));
    }
    return rows;
}

}  // namespace divan::storage
