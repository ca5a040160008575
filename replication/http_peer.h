#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "replication/http/connect_to.h"
#include "replication/http_clients.h"
#include "replication/peer.h"
#include "storage/base/async/socket_options.h"

namespace divan::replication {

struct HttpCredentials {
    std::string user;
    std::string password;
};

/// Gives the tokens of requests that carry one, where tokens end sooner than the work. On the
/// loop's thread.
class TokenSource {
public:
    virtual ~TokenSource() = default;
    /// One that is still good for a while. Throws `PeerFailure` where there is none to be had.
    virtual Task<std::string> token() = 0;
    virtual void accepted(const std::string& token) = 0;
    /// Answered by 401. Returns whether `token` may give another one, which then is tried.
    virtual bool refused(const std::string& token) = 0;
};

/// One end of a replication that is behind a URL.
struct HttpPeerSettings {
    /// "https://user:password@host:6984/db", with or without a slash at its end. What is between
    /// "//" and "@" may be percent-encoded.
    std::string url;
    /// Sent with every request. A Basic `Authorization` is taken as credentials.
    std::vector<std::pair<std::string, std::string>> headers;
    /// `auth.basic`. Goes before those of the URL, and these before those of a header
    /// (couch_replicator_utils:normalize_basic_auth/1).
    std::optional<HttpCredentials> credentials;
    /// "http://user:password@proxy:8080", "socks5://…"; empty: none.
    std::string proxy;
    std::vector<ConnectTo> connect_to;  ///< Where there is no proxy.
    SocketOptions sockets;
    /// `connection_timeout`: how long a peer may say nothing.
    std::chrono::milliseconds silence_limit{30'000};
    /// `request_timeout`, of everything but feeds; 0: none.
    std::chrono::milliseconds request_limit{0};
    unsigned retries = 5;          ///< `retries_per_request`.
    std::size_t connections = 20;  ///< `http_connections`: at the same time, feeds apart.
    bool use_bulk_get = true;
    /// Attachments that the peer keeps packed come so, one by one: by `_bulk_get` small ones come
    /// unpacked.
    bool keep_packed = false;
    std::shared_ptr<TokenSource> tokens;  ///< "Bearer"; null: none.
};

/// A peer that asks a server of CouchDB's kind over HTTP. Nothing is sent before the first task is
/// awaited. Throws `PeerFailure` (`rejected`) where a URL is none. `clients` outlives it.
std::unique_ptr<Peer> make_http_peer(HttpPeerSettings settings, HttpClients& clients);

}  // namespace divan::replication
