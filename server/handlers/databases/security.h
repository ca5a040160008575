#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> get_security(Call& call);
Task<Response> put_security(Call& call);

}  // namespace divan::server
