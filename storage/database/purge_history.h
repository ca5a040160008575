#pragma once

#include <vector>

#include "storage/database/read_view.h"

namespace divan::storage {

/// The purge requests that the database remembers (`purged_infos_limit` of them), oldest first:
/// what was asked for, whether it had an effect or not.
std::vector<PurgeRow> purge_history(const ReadView& view);

}  // namespace divan::storage
