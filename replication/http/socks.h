#pragma once

#include <cstdint>
#include <string>

#include "replication/http/connection.h"
#include "replication/url.h"

namespace divan::replication {

/// Has a SOCKS 5 proxy (RFC 1928, and RFC 1929 for a user) at the other end of `connection` lead on
/// to `host`, whose name the proxy looks up. Throws `PeerFailure`.
Task<void> ask_socks(HttpConnection& connection, const Url& proxy, const std::string& host,
                     std::uint16_t port, ExchangeLimits limits);

}  // namespace divan::replication
