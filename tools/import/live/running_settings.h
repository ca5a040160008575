#pragma once

#include <filesystem>

#include "tools/import/live/live_server.h"
#include "tools/import/settings.h"

namespace divan::import {

/// Puts what is carried into a running server by its `_config`, but for what it has set already,
/// and what could lock the importer out. What the server does not let be set is told. The names of
/// what was put are kept in `notes`, before it is put. Throws `replication::PeerFailure`.
SettingsReport carry_settings(const SourceSettings& settings, LiveServer& target,
                              const std::filesystem::path& notes);
/// Takes away what `carry_settings` of the run with these notes put.
void undo_settings(LiveServer& target, const std::filesystem::path& notes);

}  // namespace divan::import
