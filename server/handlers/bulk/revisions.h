#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> post_revs_diff(Call& call);
Task<Response> post_missing_revs(Call& call);
Task<Response> get_revs_limit(Call& call);
Task<Response> put_revs_limit(Call& call);

}  // namespace divan::server
