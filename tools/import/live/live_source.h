#pragma once

#include <memory>

#include "tools/import/live/live_server.h"
#include "tools/import/settings.h"
#include "tools/import/source.h"

namespace divan::import {

/// A server as a source: its databases but `_global_changes`, or the one that the URL names. The
/// marker of a document is the sequence after which to go on. Throws `replication::PeerFailure`.
std::unique_ptr<Source> open_live_source(std::shared_ptr<LiveServer> server);

/// What the server's `_config` says, for whoever may read it; its uuid from its greeting.
SourceSettings live_settings(LiveServer& server);

}  // namespace divan::import
