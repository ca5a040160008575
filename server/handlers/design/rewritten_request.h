#pragma once

#include <string>
#include <string_view>

#include "server/http/request.h"

namespace divan::server {

/// The request for `target` that takes the place of `original`, which keeps it: answers may read it
/// to their end. Its method, headers and body are the original's. For `Services::answer_rewritten`.
/// Throws `Refused` where `target` is no target of a request.
Request& rewrite_request(Request& original, std::string_view target);

/// Gives a request made by `rewrite_request` a body of its own.
void replace_body(Request& original, Request& request, std::string text);

}  // namespace divan::server
