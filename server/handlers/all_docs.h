#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> get_all_docs(Call& call);
Task<Response> post_all_docs(Call& call);
Task<Response> post_all_docs_queries(Call& call);
Task<Response> get_design_docs(Call& call);
Task<Response> post_design_docs(Call& call);
Task<Response> post_design_docs_queries(Call& call);
Task<Response> get_local_docs(Call& call);
Task<Response> post_local_docs(Call& call);
Task<Response> post_local_docs_queries(Call& call);

}  // namespace divan::server
