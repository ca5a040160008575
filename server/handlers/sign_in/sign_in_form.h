#pragma once

#include "auth/basic.h"
#include "server/routes.h"

namespace divan::server {

/// The body of a POST to `_session`: `name` (or `username`), `password`, and `token` for a second
/// factor, as a form or as JSON. Throws `Refused`.
Task<auth::Credentials> read_sign_in(Call& call);

}  // namespace divan::server
