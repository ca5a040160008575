#pragma once

#include <string>

#include "server/routes.h"
#include "storage/base/json.h"

namespace divan::server {

/// Bodies up to this size are parsed where the request runs; larger ones on the pool, so that the
/// event loop is not held.
inline constexpr std::size_t inline_parse_bytes_max = 64U << 10;

/// Throws `Refused` where the content type is not exactly application/json, parameters apart:
/// chttpd:validate_ctype/2.
void require_json_type(const Request& request);

/// The whole body, bounded by `[chttpd] max_http_request_size`.
Task<std::string> read_body(Call& call);

/// A JSON body as a tree. Throws `Refused`.
Task<JsonValue> read_json(Call& call);
/// The same, where anything but an object is refused: chttpd:json_body_obj/1.
Task<JsonValue> read_json_object(Call& call);

}  // namespace divan::server
