#pragma once

#include <filesystem>
#include <string_view>

#include "storage/base/error.h"

namespace divan {

/// Replaces `file` by `text`: after a crash it has the old text or the new one, never a part. The
/// file is readable by its owner only; its folder is made where it is missing. Durable on return.
/// Refuses with `storage_full` or `storage_failed`.
Result<void> write_durably(const std::filesystem::path& file, std::string_view text);

}  // namespace divan
