#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/request.h"
#include "storage/base/json.h"

namespace divan::server {

/// What a request asks for below `_rewrite`.
struct RewriteRequest {
    std::string_view method;
    std::span<const std::string> path;  ///< Decoded segments.
    std::span<const QueryParameter> query;
};

/// The path and query that the first fitting rule of the array `rules` makes of a request; empty
/// where none fits: chttpd_rewrite:try_bind_path/4. With `secure` a rule may go two levels up, out
/// of its design document and not out of its database. Throws `Refused`.
std::optional<std::string> apply_rewrite_rules(const JsonValue& rules,
                                               const RewriteRequest& request, bool secure);

/// `target` (a path, relative to `prefix`, and a query) without "." and "..".
std::string join_rewritten(std::string_view prefix, std::string_view target);

}  // namespace divan::server
