#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/http/response.h"
#include "storage/base/json.h"

namespace divan::server {

class Config;

/// The answer that a show, update or list function gave as an object of `code`, `headers`, `body`,
/// `base64` and `json`: chttpd_external:parse_external_response/1. Refuses with
/// `external_response_error` what is none. `code` and `content_type` count where the object has
/// none. `config` has `[csp]`.
Response function_response(const Config& config, const JsonValue& given, int code = 200,
                           std::string_view content_type = "application/json");

/// `[csp] showlist_enable` and `showlist_header_value`: what functions answer must not act in this
/// host's name. Their own policies come after it, and can only ask for more.
void add_function_policy(const Config& config, Response& response);

/// Adds headers of such an object, and a Content-Type where it has none. An empty one is left out.
void add_function_headers(Response& response, const JsonValue* headers,
                          std::string_view content_type);

}  // namespace divan::server
