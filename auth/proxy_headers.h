#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "auth/session_rules.h"
#include "storage/base/identity.h"

namespace divan::auth {

/// A proxy in front of the server that has authenticated the caller names them in headers, and
/// proves itself by a token: hex of HMAC(secret, user name).
struct ProxyHeaders {
    std::string user;  ///< Lower-case names: `[chttpd_auth] x_auth_username`…
    std::string roles;
    std::string token;
    bool use_secret;  ///< `proxy_use_secret`. False: whoever can send headers is believed.

    explicit ProxyHeaders(const ReadSetting& read);

    /// The value of a request header by its lower-case name; null where it was not sent.
    using Header = std::function<const std::string*(std::string_view name)>;
    /// Whom the headers name; empty where they name nobody, or the token is not right.
    std::optional<Identity> identify(const Header& header, const SessionRules& rules) const;
};

}  // namespace divan::auth
