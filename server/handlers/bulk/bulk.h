#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> post_bulk_docs(Call& call);
Task<Response> post_bulk_get(Call& call);

}  // namespace divan::server
