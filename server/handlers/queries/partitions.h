#pragma once

#include "server/http/response.h"
#include "storage/base/async/task.h"
#include "server/routes.h"

namespace divan::server {

Task<Response> get_partition(Call& call);
/// A POST there is refused, in words of its own where this is no name of a partition.
Task<Response> post_partition(Call& call);
/// `/{db}/_partition` alone.
Task<Response> no_partition(Call& call);
/// Any other address and method: what the address without the partition answers, where partitions
/// have it.
Task<Response> run_in_partition(Call& call);

/// The same as without the partition, with `partition` in the query:
/// chttpd_db:handle_partition_req/2. Throws `Refused` with its sentences.
Task<Response> get_partition_all_docs(Call& call);
Task<Response> post_partition_all_docs(Call& call);
Task<Response> get_partition_view(Call& call);
Task<Response> post_partition_view(Call& call);
Task<Response> post_partition_find(Call& call);
Task<Response> post_partition_explain(Call& call);

}  // namespace divan::server
