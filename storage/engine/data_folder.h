#pragma once

#include <filesystem>

namespace divan::storage {

/// Makes `folder` where there is none, and sees to it that what is in it is ours: a file `FORMAT`
/// names the format of the data. Throws `EngineFailure` with one clear line where the format is
/// not the one this program writes, where somebody else's store is there, or nothing can be
/// written.
void prepare_data_folder(const std::filesystem::path& folder);

}  // namespace divan::storage
