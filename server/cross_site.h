#pragma once

#include "server/cors.h"
#include "server/http/request.h"
#include "storage/base/error.h"
#include "storage/base/identity.h"

namespace divan::server {

/// Refuses with `forbidden` what a page of another site makes a browser send in the name of whoever
/// looks at it: anything that changes something and comes with a cookie, or is known to come from
/// elsewhere (Sec-Fetch-Site), unless its Origin is this server's own or one that `[cors]` lets in.
/// Programs that are no browsers send neither header, and pass. What forms send with a cookie is
/// refused with `bad_content_type` even so, where no form is expected: old browsers name no Origin.
Result<void> check_cross_site(const Request& request, const Identity& who, const Cors& cors);

}  // namespace divan::server
