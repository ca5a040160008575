#pragma once

#include "server/routes.h"

namespace divan::server {

/// `/{db}/_design/{ddoc}/_rewrite/{path...}`, any method: answers what another address answers, by
/// the rules of the design document or by its function. chttpd_rewrite:handle_rewrite_req/3.
Task<Response> run_rewrite(Call& call);

}  // namespace divan::server
