#pragma once

#include <vector>

#include "server/routes.h"
#include "storage/database/edit.h"

namespace divan::server {

/// Writes the edits of a call as `write_edits` does, and tells the audit log what became of users
/// by them: made, removed, roles or password changed. Other databases cost nothing.
Task<storage::EditOutcomes> write_edits_audited(Call& call, std::vector<storage::Edit> edits);

}  // namespace divan::server
