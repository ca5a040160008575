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

}  // namespace divan::server
