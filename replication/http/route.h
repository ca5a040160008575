#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replication/http/connect_to.h"
#include "replication/http/connection.h"
#include "replication/http/tls_client.h"
#include "replication/url.h"
#include "storage/base/async/socket_options.h"

namespace divan::replication {

/// Where connections lead, and through what.
struct Route {
    bool tls = false;
    std::string host;
    std::uint16_t port = 0;
    std::optional<Url> proxy;
    std::optional<ConnectTo::Place> instead;  ///< What is really dialled; never with a proxy.

    /// The same for all whose connections are as good.
    std::string key() const;
    /// "host:port"; the port is left out where it is the scheme's own.
    std::string authority() const;
    /// Requests name the whole address: an HTTP proxy reads them.
    bool asks_proxy() const;
};

/// Throws `PeerFailure` (`rejected`) where the scheme is none of ours, or the proxy's is none.
/// `proxy` is empty where there is none; where there is one, `overrides` do not count.
Route route_to(const Url& url, const std::string& proxy, const std::vector<ConnectTo>& overrides);

/// Connects along `route`, with all its hand-shakes.
Task<std::unique_ptr<HttpConnection>> open_connection(IoLoop& loop, WorkPool& pool, TlsClient& tls,
                                                      const Route& route,
                                                      const SocketOptions& options,
                                                      ExchangeLimits limits);

/// The value of an `Authorization` or `Proxy-Authorization`.
std::string basic_authorization(std::string_view user, std::string_view password);

}  // namespace divan::replication
