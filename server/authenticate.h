#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/jwt.h"
#include "auth/proxy_headers.h"
#include "storage/base/async/task.h"
#include "server/routes.h"

namespace divan::server {

class Config;

/// A way to sign in: a handler of `[chttpd] authentication_handlers`.
enum class SignIn : std::uint8_t { cookie, basic, jwt, proxy };

/// What the configuration says of signing in, as of one version of it.
struct SignInRules {
    std::vector<SignIn> ways;        ///< In the order they are tried.
    std::vector<std::string> names;  ///< As `_session` shows them: "cookie", "default"…
    bool require_valid_user = false;
    bool require_valid_user_except_for_up = false;
    auth::JwtVerifier jwt;
    auth::ProxyHeaders proxy;

    explicit SignInRules(const Config& config);
    /// Whether this request is refused without a login: chttpd_auth:party_mode_handler/1.
    bool need_login(const Request& request) const;
};

/// Reads `[chttpd] authentication_handlers`: Erlang tuples `{module, function}`, separated by
/// commas, brackets around them or not. What is no known handler is logged and left out.
std::vector<SignIn> parse_handlers(std::string_view list);

/// Asks each way in turn; the first that knows the caller sets `call.identity`. Refuses where one
/// is given credentials that are wrong, and where there are none but a login is needed. `rules`
/// outlive the call.
Task<Result<void>> authenticate(Call& call, const SignInRules& rules);

/// Adds the newer cookie to an answer, where the caller's has lost a tenth of its time and the
/// answer says nothing of cookies itself (couch_httpd_auth:cookie_auth_header/2).
void renew_session(const Call& call, Response& response);

}  // namespace divan::server
