#pragma once

#include <optional>
#include <vector>

#include "server/routes.h"
#include "storage/database/edit.h"

namespace divan::server {

/// What design documents say to these edits: an entry each, empty where it may be written.
/// Documents are shown to the database's validators; of design documents the views must compile,
/// and a validator in the language `query` must be a selector. No entries at all where nobody is to
/// be asked, which costs nothing.
Task<std::vector<std::optional<Error>>> validate_edits(Call& call,
                                                       const std::vector<storage::Edit>& edits);

}  // namespace divan::server
