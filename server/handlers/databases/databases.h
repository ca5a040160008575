#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> get_all_dbs(Call& call);
Task<Response> get_dbs_info(Call& call);
Task<Response> post_dbs_info(Call& call);

}  // namespace divan::server
