#pragma once

#include <string>

#include "server/http/request.h"
#include "server/http/response.h"

namespace divan::server {

/// The settings that decide what a 401 says besides its body.
struct LoginHints {
    std::string www_authenticate;  ///< `[chttpd] WWW-Authenticate`.
    std::string redirect;          ///< `[chttpd_auth] authentication_redirect`; empty for none.
    bool require_valid_user = false;
};

/// Completes a refusal by what its request says. A 401 gets WWW-Authenticate, or for a browser
/// becomes a redirect to the login page (chttpd:error_headers/4). Other answers stay as they are.
void complete_refusal(const Request& request, const LoginHints& hints, Response& response);

/// MochiReq:accepts_content_type/1: whether an Accept header, if any, has room for this type.
bool accepts_type(const Request& request, std::string_view content_type);

}  // namespace divan::server
