#pragma once

#include <cstdint>
#include <string_view>

#include "server/config/config.h"
#include "storage/base/identity.h"
#include "storage/database/database.h"
#include "storage/database/edit.h"

namespace divan::server {

/// `[couchdb] max_document_size` and `max_attachment_size`, in bytes.
struct WriteLimits {
    std::uint64_t document_bytes_max;
    std::uint64_t attachment_bytes_max;
};
WriteLimits write_limits(const Config& config);
/// `[attachments] compression_level` and `compressible_types`.
storage::AttachmentSettings attachment_settings(const Config& config);

/// couch_doc:from_json_obj_validate/2: refuses a body or an inline attachment that is too large.
/// Attachments do not count towards the body.
Result<void> check_limits(const storage::ClientDocument& document, const WriteLimits& limits);

/// Judges an edit of a design document: only admins of the database write one, and its form must be
/// right. False where there is nothing to write: a replicated revision that is known already. Edits
/// of other documents pass. A conflict is told before anything else, as in couch_db. Reads the
/// engine only where something is wrong.
Result<bool> admit_design_edit(const Identity& who, const storage::Database& database,
                               const storage::Edit& edit);

}  // namespace divan::server
