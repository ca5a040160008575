#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/request.h"
#include "server/http/response.h"

namespace divan::server {

class Config;

/// The name of the cookie that carries a session.
inline constexpr std::string_view session_cookie_name = "AuthSession";

/// The value of a cookie that the request carries, without quotes around it; the first of several.
/// Empty where there is none, or an empty one.
std::string_view cookie_of(const Request& request, std::string_view name);

/// The Set-Cookie of a session, with the attributes that the configuration asks for
/// (`[chttpd_auth]` timeout, allow_persistent_cookies, cookie_domain, same_site); Secure under TLS.
/// An empty value clears it. `now` is in Unix seconds.
std::string session_set_cookie(std::string_view value, const Config& config, const Request& request,
                               std::int64_t now);

}  // namespace divan::server
