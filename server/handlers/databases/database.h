#pragma once

#include "server/routes.h"

namespace divan::server {

/// What storage says of a name that no database may have, in CouchDB's words.
Error name_refusal(Error error, std::string_view name);

Task<Response> get_database(Call& call);
Task<Response> put_database(Call& call);
Task<Response> delete_database(Call& call);

}  // namespace divan::server
