#pragma once

#include "server/http/response.h"
#include "storage/base/async/task.h"
#include "server/routes.h"

namespace divan::server {

Task<Response> post_find(Call& call);
Task<Response> post_explain(Call& call);

}  // namespace divan::server
