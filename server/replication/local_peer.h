#pragma once

#include <memory>
#include <string>

#include "replication/peer.h"
#include "server/services.h"
#include "storage/base/identity.h"

namespace divan::server {

/// One end of a replication that is a database of this server, without HTTP between. It does what
/// `who` may do, judged anew at every call: by the database's `_security` as it is then, with the
/// roles that `who` has then in `_users` and `[admins]`. An account that is gone, or whose password
/// is another than when the peer was made, is `unauthorized`. Writes pass what every other write
/// passes: validators, the rules on user and design documents, the audit log. A database that is
/// deleted under it is `not_found`, though there be a new one of its name.
///
/// `shown_name` is what `name()` says; CouchDB shows the database's address, "http://host/db/".
std::unique_ptr<replication::Peer> make_local_peer(Services& services, std::string database,
                                                   std::string shown_name, Identity who);

}  // namespace divan::server
