#pragma once

#include "server/http/request.h"
#include "server/http/response.h"

namespace divan::server {

struct Route;

/// Answers as scripts that call a function of the page, for browsers without CORS: the parameter
/// `callback`, where `[chttpd] allow_jsonp` is set.

/// Refuses a name that could be more than one: letters, digits and "._[]" (couch_httpd).
Result<void> check_callback(const Request& request);
/// Makes a JSON answer the script, where a good name was given. `route` is null where the answer
/// comes from none.
void wrap_in_callback(const Request& request, const Route* route, Response& response);

}  // namespace divan::server
