#pragma once

#include "server/http/response.h"
#include "storage/base/async/task.h"
#include "server/routes.h"

namespace divan::server {

Task<Response> get_indexes(Call& call);
Task<Response> post_index(Call& call);
Task<Response> delete_index(Call& call);
/// Any other address below `_index`: 404 whatever the method.
Task<Response> refuse_index_path(Call& call);
Task<Response> post_index_bulk_delete(Call& call);

}  // namespace divan::server
