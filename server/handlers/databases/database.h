#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> get_database(Call& call);
Task<Response> put_database(Call& call);
Task<Response> delete_database(Call& call);

}  // namespace divan::server
