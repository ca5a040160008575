#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> post_purge(Call& call);
Task<Response> get_purged_infos(Call& call);
Task<Response> get_purged_infos_limit(Call& call);
Task<Response> put_purged_infos_limit(Call& call);

}  // namespace divan::server
