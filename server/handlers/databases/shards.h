#pragma once

#include "server/routes.h"

namespace divan::server {

/// What clusters ask: one node has every shard, and nothing to bring in step.
Task<Response> get_shards(Call& call);
Task<Response> get_document_shard(Call& call);
Task<Response> post_sync_shards(Call& call);

/// CouchDB 1's temporary views: gone.
Task<Response> get_temporary_view(Call& call);

}  // namespace divan::server
