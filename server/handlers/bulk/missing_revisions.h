#pragma once

#include <string>
#include <vector>

#include "storage/database/database.h"

namespace divan::server {

/// What a database does not have of the revisions that were asked for.
struct MissingRevisions {
    std::string id;
    std::vector<storage::Revision> revisions;
    /// Leaves that one of them may have grown from.
    std::vector<storage::Revision> possible_ancestors;
};

/// `_revs_diff`: documents that have all of theirs are left out. Blocks: many are for a pool.
std::vector<MissingRevisions> find_all_missing(const storage::Database& database,
                                               std::vector<storage::PurgeRow> rows);

}  // namespace divan::server
