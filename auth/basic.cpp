#include "auth/basic.h"

#include <string_view>

#include "storage/base/digest.h"

namespace divan::auth {

Result<std::optional<Credentials>> parse_basic(const std::string* authorization) {
    constexpr std::string_view scheme = "Basic ";
    if (!authorization || !authorization->starts_with(scheme)) return std::optional<Credentials>();
    const auto decoded = base64_decode(std::string_view(*authorization).substr(scheme.size()));
    if (!decoded) {
        return Error{Code::bad_request, "Authorization header has invalid base64 value", {}};
    }
    const auto colon = decoded->find(':');
    if (colon == std::string::npos || *decoded == "_:_") return std::optional<Credentials>();
    return std::optional(Credentials{decoded->substr(0, colon), decoded->substr(colon + 1)});
}

}  // namespace divan::auth
