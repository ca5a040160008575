#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> get_welcome(Call& call);
Task<Response> get_up(Call& call);
Task<Response> get_uuids(Call& call);
Task<Response> get_active_tasks(Call& call);
Task<Response> get_membership(Call& call);
Task<Response> get_cluster_setup(Call& call);
Task<Response> post_cluster_setup(Call& call);
Task<Response> post_reload_query_servers(Call& call);
/// Addresses that answer nothing, of CouchDB's admin page and nodes: they are no databases.
Task<Response> get_no_file(Call& call);

}  // namespace divan::server
