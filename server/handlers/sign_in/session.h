#pragma once

#include "server/routes.h"

namespace divan::server {

// Signing in and out with a password; see docs/GUIDE-sessions.md.
Task<Response> get_session(Call& call);
Task<Response> post_session(Call& call);
Task<Response> delete_session(Call& call);

// Sessions as records: one's own, or with `?user=` for a server admin anyone's.
Task<Response> get_session_list(Call& call);
Task<Response> delete_session_list(Call& call);
Task<Response> delete_listed_session(Call& call);

// Access and refresh tokens.
Task<Response> post_session_token(Call& call);
Task<Response> post_session_refresh(Call& call);

}  // namespace divan::server
