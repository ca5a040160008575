#pragma once

#include "server/http/response.h"
#include "server/routes.h"

namespace divan::server {

/// `GET /_account`: the pages to sign in, to make an account and to look after it. They use the
/// same addresses as any other client, and nothing from elsewhere.
Task<Response> get_account_page(Call& call);
/// `GET /_account/{file}`: what the page consists of.
Task<Response> get_account_file(Call& call);

}  // namespace divan::server
