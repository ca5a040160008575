#pragma once

#include "server/http/response.h"
#include "storage/base/async/task.h"
#include "server/routes.h"

namespace divan::server {

Task<Response> get_partition(Call& call);
/// `/{db}/_partition` alone.
Task<Response> no_partition(Call& call);
/// What a partition has no address for.
Task<Response> nothing_in_partition(Call& call);

/// The same as without the partition, with `partition` in the query:
/// chttpd_db:handle_partition_req/2. Throws `Refused` with its sentences.
Task<Response> get_partition_all_docs(Call& call);
Task<Response> post_partition_all_docs(Call& call);
Task<Response> get_partition_view(Call& call);
Task<Response> post_partition_view(Call& call);
Task<Response> post_partition_find(Call& call);
Task<Response> post_partition_explain(Call& call);
Task<Response> get_partition_indexes(Call& call);
Task<Response> post_partition_index(Call& call);

}  // namespace divan::server
