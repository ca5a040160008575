#pragma once

#include "server/handlers/queries/row_answer.h"
#include "server/handlers/queries/row_query.h"
#include "server/routes.h"

namespace divan::server {

/// What a query of the view that the path names answers: for list functions. Throws `Refused`.
Task<std::unique_ptr<RowList>> open_view(Call& call, RowQuery query);

Task<Response> get_view(Call& call);
Task<Response> post_view(Call& call);
Task<Response> post_view_queries(Call& call);
Task<Response> get_view_info(Call& call);
/// `_compact/{design}`, `_view_cleanup`.
Task<Response> post_compact_design(Call& call);
Task<Response> post_view_cleanup(Call& call);

}  // namespace divan::server
