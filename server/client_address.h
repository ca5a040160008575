#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/request.h"

namespace divan::server {

/// The proxies whose word about their clients is taken. Immutable: any thread.
class TrustedProxies {
public:
    TrustedProxies() = default;
    /// Addresses and networks ("10.0.0.0/8", "fd00::/8"), comma separated. What is none of either
    /// is left out, with a warning.
    explicit TrustedProxies(std::string_view list);

    /// Who asks: the peer; where that is a trusted proxy, the last address in X-Forwarded-For that
    /// is none. In the form of `Request::peer_address`.
    std::string client_address(const Request& request) const;
    /// Whether the client's connection is encrypted: the peer's, or its own to a trusted proxy.
    bool secure(const Request& request) const;

private:
    /// As IPv6; IPv4 in its mapped form.
    using Address = std::array<std::uint8_t, 16>;
    struct Network {
        Address address;
        unsigned bits;
    };

    bool trusts(std::string_view address) const;

    std::vector<Network> networks_;
};

}  // namespace divan::server
