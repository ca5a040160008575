#pragma once

#include <memory>

#include "storage/base/async/socket.h"

using SSL = struct ssl_st;

namespace divan {

enum class TlsEnd : unsigned char { server, client };

/// One end of a TLS connection. Takes both: the descriptor of a TCP connection, and what OpenSSL
/// keeps of it.
std::unique_ptr<Socket> make_tls_socket(IoLoop& loop, int descriptor, SSL* connection,
                                        TlsEnd end = TlsEnd::server);

}  // namespace divan
