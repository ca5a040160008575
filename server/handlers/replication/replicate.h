#pragma once

#include "server/routes.h"

namespace divan::server {

/// `_replicate`: a replication that is asked for by a request, run or cancelled.
Task<Response> post_replicate(Call& call);

}  // namespace divan::server
