#pragma once

#include "server/routes.h"

namespace divan::server {

/// Refuses with `not_found` where `{node}` is another than this one.
Result<void> check_node(const Call& call);

Task<Response> get_no_node(Call& call);
/// The rest of the addresses below a node: in CouchDB they reach an old interface, whose databases
/// are the shards. There are none.
Task<Response> get_no_node_path(Call& call);
Task<Response> get_node(Call& call);
Task<Response> get_node_stats(Call& call);
Task<Response> get_node_system(Call& call);
Task<Response> get_node_versions(Call& call);
Task<Response> get_node_prometheus(Call& call);
Task<Response> post_node_restart(Call& call);

}  // namespace divan::server
