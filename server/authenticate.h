#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/task.h"
#include "server/routes.h"

namespace divan::server {

class Config;

/// A way to sign in: a handler of `[chttpd] authentication_handlers`.
enum class SignIn : std::uint8_t { cookie, basic };

/// What the configuration says of signing in, as of one version of it.
struct SignInRules {
    std::vector<SignIn> ways;  ///< In the order they are tried.
    bool require_valid_user = false;
    bool require_valid_user_except_for_up = false;

    explicit SignInRules(const Config& config);
    /// Whether this request is refused without a login: chttpd_auth:party_mode_handler/1.
    bool need_login(const Request& request) const;
};

/// The name of a way in `_session`: "cookie", "default"…
std::string_view name_of(SignIn way);

/// Reads `[chttpd] authentication_handlers`: Erlang tuples `{module, function}`, separated by
/// commas, brackets around them or not. What is no known handler is logged and left out.
std::vector<SignIn> parse_handlers(std::string_view list);

/// Asks each way in turn; the first that knows the caller sets `call.identity`. Refuses where one
/// is given credentials that are wrong, and where there are none but a login is needed.
Task<Result<void>> authenticate(Call& call, const SignInRules& rules);

}  // namespace divan::server
