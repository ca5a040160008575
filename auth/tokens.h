#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "auth/sessions.h"

namespace divan::auth {

/// What an app is given to sign in with: `access` goes into `Authorization: Bearer`, `refresh`
/// gets the next pair, once.
struct TokenPair {
    std::string user;
    std::string session_id;
    std::string access;
    std::int64_t expires_in = 0;  ///< Seconds the access token is good for.
    std::string refresh;
};

/// Access and refresh tokens: sessions of kind `token`. Any thread.
///
/// An access token is a JSON Web Token signed by this server (HS256, by a key derived from the
/// secret) that names its session, so it ends with it. A refresh token is good once; when one comes
/// a second time somebody has stolen it, and the whole session is revoked (RFC 9700 section 4.14).
/// Only a digest of the newest one is kept.
class Tokens {
public:
    /// All outlive this. `store` is the one that `sessions` is on.
    Tokens(Sessions& sessions, SystemStore& store, SessionSettings& settings, const Clock& clock);

    /// Starts a session. One synced write, as `refresh`: for a pool.
    TokenPair issue(const Account& account, std::string_view address, std::string_view agent);
    /// Refuses with `unauthorized` what is no refresh token, is too old, was used before, or whose
    /// session has ended.
    Result<TokenPair> refresh(std::string_view token);

    /// Whether a Bearer token claims to be one of these; any other is for `JwtVerifier`.
    static bool is_ours(std::string_view token);
    /// Whom an access token stands for. Refuses with `bad_request` one that we did not sign, and
    /// with `unauthorized` one that has expired or whose session has ended. Cheap.
    Result<Session> verify(std::string_view token);

private:
    struct Family;

    std::string sign_access(const SessionRecord& record, const Account& account,
                            const SessionRules& rules) const;

    Sessions& sessions_;
    SystemStore& store_;
    SessionSettings& settings_;
    const Clock& clock_;
    std::mutex mutex_;  ///< One refresh at a time: of two with the same token one is a reuse.
};

}  // namespace divan::auth
