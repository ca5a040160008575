#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> post_compact(Call& call);
Task<Response> post_ensure_full_commit(Call& call);

}  // namespace divan::server
