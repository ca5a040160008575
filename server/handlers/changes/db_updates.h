#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> get_db_updates(Call& call);

}  // namespace divan::server
