#pragma once

#include <string>
#include <vector>

#include "storage/base/json.h"
#include "storage/database/database.h"

namespace divan::server {

/// Reads `{"id":["1-abc",…],…}`, as `_revs_diff`, `_missing_revs` and `_purge` take it.
/// Throws `Refused` where a list or a revision is none, or an id has no partition where it must.
std::vector<storage::PurgeRow> parse_id_revisions(const JsonValue& object,
                                                  const storage::Database& database);
/// `["1-abc",…]`
void append_revisions(std::string& out, const std::vector<storage::Revision>& revisions);

}  // namespace divan::server
