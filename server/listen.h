#pragma once

#include <memory>

#include "server/app.h"
#include "server/config/config.h"
#include "server/http/http_server.h"
#include "server/http/tls.h"

namespace divan::server {

/// The TLS that `[ssl]` asks for; null where it is not enabled. Throws `std::runtime_error` where
/// a setting, the certificate or the key cannot be used.
std::shared_ptr<TlsContext> make_tls(const Config& config);

/// Where to listen, by the options, then `[chttpd]` and `[ssl]`; `tls` may be null. With
/// `only_loopback` no other machine can connect, whatever they say. Throws `std::runtime_error`
/// where a port is none.
HttpOptions http_options(const AppOptions& options, const Config& config, bool only_loopback,
                         std::shared_ptr<const TlsContext> tls);

}  // namespace divan::server
