#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "auth/rate_limit.h"
#include "server/http/request.h"
#include "server/http/response.h"

namespace divan::server {

class Config;

/// `[rate_limit]` as the configuration has it at one moment, applied to requests. Immutable: any
/// thread; the buckets are the limiter's.
class Limits {
public:
    explicit Limits(const Config& config);

    /// Before anything else is done with a request: how long its client has to wait, where it has
    /// used up its requests, its tries to sign in or its registrations.
    std::optional<std::chrono::seconds> admit(auth::RateLimiter& limiter, const Request& request,
                                              std::string_view client_address) const;
    /// Counts a failed sign-in; what was answered with 429 does not count again.
    void count_failure(auth::RateLimiter& limiter, const Request& request, const Response& response,
                       std::string_view client_address) const;

private:
    std::optional<auth::Rate> requests_;
    std::optional<auth::Rate> sign_in_;
    std::optional<auth::Rate> registration_;
};

/// Somebody who sends a password: with which request, from where, for whose account.
struct PasswordTry {
    const Request& request;
    std::string_view client_address;
    std::string_view name;
};
/// How long whoever sends a password has to wait, after too many failures of the account from
/// anywhere, or of the address with any account (Basic authentication; `Limits` counts the
/// addresses made for signing in). Look before a password is hashed.
std::optional<std::chrono::seconds> password_wait(auth::RateLimiter& limiter, const Config& config,
                                                  const PasswordTry& attempt);
/// Counts a failure for `password_wait`.
void count_password_failure(auth::RateLimiter& limiter, const Config& config,
                            const PasswordTry& attempt);

/// 429 with Retry-After.
Response too_many_requests(std::chrono::seconds wait);

}  // namespace divan::server
