#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> get_local_doc(Call& call);
Task<Response> put_local_doc(Call& call);
Task<Response> delete_local_doc(Call& call);
Task<Response> copy_local_doc(Call& call);

}  // namespace divan::server
