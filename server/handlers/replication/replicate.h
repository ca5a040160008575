#pragma once

#include "server/routes.h"

namespace divan::server {

/// `_replicate`: a replication that is asked for by a request, run or cancelled.
Task<Response> post_replicate(Call& call);
/// Its other methods. As in CouchDB the body is looked at first, then who asks.
Task<Response> refuse_replicate(Call& call);

}  // namespace divan::server
