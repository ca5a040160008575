#pragma once

#include <memory>

#include "tools/import/live/live_server.h"
#include "tools/import/target.h"

namespace divan::import {

/// A running server as a target; whoever the URL names must be its admin. Throws
/// `replication::PeerFailure`.
std::unique_ptr<Target> open_http_target(std::shared_ptr<LiveServer> server);

}  // namespace divan::import
