#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "storage/base/async/cancellation.h"
#include "storage/base/async/socket.h"
#include "storage/base/async/socket_options.h"

namespace divan {

/// No connection came about. `what()` is one line, and names no more than host and port.
class ConnectFailure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Where a socket may be connected to.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t bytes = 0;
};

/// Looks a name up: a number ("127.0.0.1", "::1") at once, anything else on `pool`, where the
/// system's resolver may take its time. A look-up that nobody waits for any more ends by itself.
/// Throws `ConnectFailure`. Where it was cancelled the list is empty.
Task<std::vector<SocketAddress>> resolve(WorkPool& pool, std::string host, std::uint16_t port,
                                         std::chrono::milliseconds limit,
                                         Cancellation& cancellation);

/// Opens a TCP connection to the first of `addresses` that takes one; `limit` for each. Returns the
/// non-blocking descriptor, which is the caller's; -1 where it was cancelled. Throws
/// `ConnectFailure` with the last refusal, or with an option that the system does not take.
Task<int> connect_tcp(IoLoop& loop, std::vector<SocketAddress> addresses, SocketOptions options,
                      std::chrono::milliseconds limit, Cancellation& cancellation);

}  // namespace divan
