#pragma once

#include <cstdint>
#include <string_view>

#include "server/config/config.h"
#include "server/handlers/documents/admission.h"
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

/// Only admins of the database write a design document, and its form must be right. Other
/// documents pass.
Result<void> judge_design_document(const EditContext& context, ProposedEdit& proposed);

}  // namespace divan::server
