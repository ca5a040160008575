#pragma once

#include <memory>
#include <string>

#include "replication/http_clients.h"
#include "storage/base/async/socket.h"

namespace divan::replication {

/// Our end of TLS with other servers (1.2 and 1.3). One loop's thread.
class TlsClient {
public:
    /// `settings` outlives it. Files are read when the first connection needs them.
    explicit TlsClient(const HttpClientSettings& settings);
    ~TlsClient();

    /// TLS on a connection that leads to `host`, who must be at the other end: a name or an
    /// address. Throws `PeerFailure` where the settings cannot be followed.
    std::unique_ptr<Socket> make_socket(IoLoop& loop, std::unique_ptr<Socket> below,
                                        const std::string& host);
    /// Why the last handshake of this thread failed, which has just ended so.
    std::string last_failure() const;

private:
    struct State;
    const HttpClientSettings& settings_;
    std::unique_ptr<State> state_;
};

}  // namespace divan::replication
