#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> post_document(Call& call);
Task<Response> get_document(Call& call);
Task<Response> put_document(Call& call);
Task<Response> post_document_form(Call& call);
Task<Response> delete_document(Call& call);
Task<Response> copy_document(Call& call);

}  // namespace divan::server
