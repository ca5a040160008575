#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/hmac.h"
#include "storage/base/setting.h"

namespace divan::auth {

/// What the configuration says of sessions and tokens, as of one version of it.
struct SessionRules {
    /// `[chttpd_auth] secret`, newest first: the first signs, all verify. A JSON array of strings
    /// is a list; any other text is one secret, as in CouchDB. Empty where none is set.
    std::vector<std::string> secrets;
    /// Of CouchDB's cookies and proxy tokens: the first signs, all verify.
    std::vector<HashAlgorithm> algorithms;
    bool stateless_cookies = true;  ///< Accept CouchDB's own cookies, which name no record.
    std::int64_t timeout = 600;     ///< Seconds a cookie is good for.
    std::int64_t access_token_seconds = 3600;
    std::int64_t refresh_token_seconds = 604'800;
    std::size_t sessions_max = 1000;  ///< Of one user, tokens included.
    std::string users_database;  ///< `authentication_db`: the users whose sessions these are.

    explicit SessionRules(const ReadSetting& read);

    /// Whether a database holds user documents: `users_database`, and whatever is called "_users".
    bool holds_users(std::string_view database) const;
};

/// Where the rules come from: the newest ones, cheap to ask for. Any thread.
class SessionSettings {
public:
    virtual ~SessionSettings() = default;
    /// Shared: a request keeps the ones it saw.
    virtual std::shared_ptr<const SessionRules> rules() const = 0;
    /// The same, with a secret: where none is set one is made up and kept.
    virtual std::shared_ptr<const SessionRules> rules_with_secret() = 0;
};

}  // namespace divan::auth
