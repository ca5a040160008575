#pragma once

#include <memory>

#include "storage/base/async/socket.h"

using SSL = struct ssl_st;

namespace divan {

/// The server's end of a TLS connection. Takes both: the descriptor of an accepted connection, and
/// what OpenSSL keeps of it.
std::unique_ptr<Socket> make_tls_socket(IoLoop& loop, int descriptor, SSL* connection);

}  // namespace divan
