#pragma once

#include <string_view>

#include "server/http/request.h"

namespace divan::server {

/// Whether the Accept header takes `type` ("multipart/mixed"), as mochiweb_request reads it: named
/// itself, by its main type ("multipart/*") or by "*/*", with a weight above 0. No header takes
/// everything.
bool accepts(const Request& request, std::string_view type);

}  // namespace divan::server
