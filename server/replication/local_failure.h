#pragma once

#include "replication/peer.h"
#include "storage/base/error.h"

namespace divan::server {

/// A refusal of this server as a replication sees it: as if it had come over HTTP.
replication::PeerFailure peer_failure(const Error& error);

/// Whether trying again later may help.
bool may_heal(const Error& error);

/// In a catch block: throws what was thrown as a `PeerFailure`.
[[noreturn]] void rethrow_as_failure();

/// What waits in a cancelled peer ends with this.
replication::PeerFailure cancelled_failure();

}  // namespace divan::server
