#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> get_view(Call& call);
Task<Response> post_view(Call& call);
Task<Response> post_view_queries(Call& call);
Task<Response> get_view_info(Call& call);
/// `_compact/{design}`, `_view_cleanup`.
Task<Response> post_compact_design(Call& call);
Task<Response> post_view_cleanup(Call& call);

}  // namespace divan::server
