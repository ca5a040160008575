#pragma once

#include <optional>
#include <string>

#include "storage/base/error.h"

namespace divan::auth {

/// What somebody signs in with.
struct Credentials {
    std::string name;
    std::string password;
    /// The one-time code where the way of signing in can carry one; without it an account that has
    /// a second factor is refused.
    std::optional<std::string> code = {};
};

/// Reads an Authorization header. Empty where there is none, or it is no Basic one ("Basic" is
/// case-sensitive; no colon and "_:_" mean nobody). Refuses bad base64 with `bad_request`.
Result<std::optional<Credentials>> parse_basic(const std::string* authorization);

}  // namespace divan::auth
