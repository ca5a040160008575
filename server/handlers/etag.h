#pragma once

#include <string>
#include <string_view>

#include "server/http/request.h"
#include "server/http/response.h"

namespace divan::server {

/// An etag, quotes included, that changes with `content`.
std::string content_etag(std::string_view content);

/// Whether the client has `etag` already (If-None-Match). "*" and what stands without quotes match
/// nothing, as in CouchDB; "W/" before one is ignored.
bool has_etag(const Request& request, std::string_view etag);

/// `body` with its etag, or 304 where the client has it.
Response etagged_json(const Request& request, std::string body);

}  // namespace divan::server
