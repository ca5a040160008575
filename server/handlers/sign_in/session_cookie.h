#pragma once

#include "auth/sessions.h"
#include "server/routes.h"

namespace divan::server {

/// What a successful sign-in does to its answer, whatever the way: the cookie of the new session.
void add_session_cookie(Response& response, const Call& call, const auth::Started& started);
/// Takes the client's cookie back.
void clear_session_cookie(Response& response, const Call& call);
/// `{"ok":true,"name":…,"roles":[…]}`.
std::string signed_in_body(const auth::Account& account);

}  // namespace divan::server
