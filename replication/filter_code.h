#pragma once

#include <string>

#include "replication/peer.h"
#include "replication/replication_id.h"

namespace divan::replication {

/// The code of a filter function of the source, as it goes into ids. Throws `PeerFailure`: with
/// CouchDB's sentences where the database, the design document or the function is not there.
Task<std::string> read_filter_code(Peer& source, FilterName filter);

}  // namespace divan::replication
