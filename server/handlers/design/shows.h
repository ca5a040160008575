#pragma once

#include "server/routes.h"

namespace divan::server {

/// `/{db}/_design/{ddoc}/_show/{function}` and `…/{id...}`, any method: chttpd_show.
Task<Response> run_show(Call& call);
Task<Response> run_show_document(Call& call);
/// No function is named.
Task<Response> refuse_show(Call& call);

/// The same for `_update`.
Task<Response> run_update(Call& call);
Task<Response> run_update_document(Call& call);
Task<Response> refuse_update(Call& call);

}  // namespace divan::server
