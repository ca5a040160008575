#pragma once

#include "server/routes.h"

namespace divan::server {

/// `/{db}/_design/{ddoc}/_list/{function}/{view}`, and with another design document's view
/// `…/{function}/{doc}/{view}`: a list function over the rows of a view, or of `_all_docs`.
/// chttpd_show:handle_view_list_req/3.
Task<Response> get_list(Call& call);
Task<Response> post_list(Call& call);
/// No view is named.
Task<Response> refuse_list(Call& call);

}  // namespace divan::server
