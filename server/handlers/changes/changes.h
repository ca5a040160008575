#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> get_changes(Call& call);
Task<Response> post_changes(Call& call);

}  // namespace divan::server
