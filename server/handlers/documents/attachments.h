#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> get_attachment(Call& call);
Task<Response> put_attachment(Call& call);
Task<Response> delete_attachment(Call& call);

}  // namespace divan::server
