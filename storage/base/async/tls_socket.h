#pragma once

#include <memory>

#include "storage/base/async/socket.h"

using SSL = struct ssl_st;

namespace divan {

enum class TlsEnd : unsigned char { server, client };

/// One end of a TLS connection. Takes both: what its records go through, TCP or another such end
/// (of a tunnel), and what OpenSSL keeps of it.
std::unique_ptr<Socket> make_tls_socket(IoLoop& loop, std::unique_ptr<Socket> below,
                                        SSL* connection, TlsEnd end = TlsEnd::server);

}  // namespace divan
