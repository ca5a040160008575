#pragma once

#include "server/handlers/queries/row_answer.h"
#include "server/handlers/queries/row_query.h"
#include "server/routes.h"

namespace divan::server {

/// What a query of `_all_docs` answers: for list functions. Throws `Refused`.
std::unique_ptr<RowList> open_all_docs(Call& call, RowQuery query);

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
