#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/base/async/socket.h"

namespace divan::server {

/// `[ssl]` of the configuration. Empty texts: OpenSSL's defaults.
struct TlsOptions {
    std::string cert_file;  ///< The certificate, then its chain; PEM.
    std::string key_file;   ///< PEM. Empty: in `cert_file` too.
    std::string password;   ///< Of the key.
    std::string ca_file;    ///< Who signs clients' certificates; PEM.
    bool verify_clients = false;
    bool require_client_certificate = false;  ///< With `verify_clients`.
    std::string ciphers;                      ///< Of TLS 1.2, in OpenSSL's form: "A:B".
    bool tls_1_2 = true;
    bool tls_1_3 = true;
};

/// The server's certificate and what it agrees to (RFC 8446, RFC 5246; nothing older). Any thread.
class TlsContext {
public:
    /// Throws `std::runtime_error` with one clear line where a file cannot be read, the key is not
    /// the certificate's, or a cipher is unknown.
    explicit TlsContext(TlsOptions options);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    /// Reads the files again, for connections that come from now on. Throws as the constructor, and
    /// then the old ones stay in use.
    void reload();

    /// Takes the descriptor of an accepted connection. `handshake` comes before all else.
    std::unique_ptr<Socket> make_socket(IoLoop& loop, int descriptor) const;

private:
    struct State;
    const TlsOptions options_;
    const std::unique_ptr<State> state_;
};

}  // namespace divan::server
