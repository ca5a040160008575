#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/http/request.h"
#include "server/http/response.h"
#include "storage/base/metrics.h"

namespace divan::server {

class TlsContext;

/// Answers requests. Called on loops' threads, on several at once.
class RequestHandler {
public:
    virtual ~RequestHandler() = default;
    /// `request` lives until the answer was sent. What is thrown becomes a 500.
    virtual Task<Response> handle(Request& request) = 0;
    /// Completes the refusal of a request whose target cannot be read: `handle` never sees it.
    virtual void complete(const Request&, Response&) {}
};

/// A second port, for TLS.
struct TlsPort {
    std::string address;     ///< As `HttpOptions::address`.
    std::uint16_t port = 0;  ///< 0: one that is free.
    std::shared_ptr<const TlsContext> context;  ///< Shared with whoever reloads it.
};

struct HttpOptions {
    std::string address = "127.0.0.1";  ///< Numeric, or "any".
    std::uint16_t port = 0;             ///< 0: one that is free.
    std::optional<TlsPort> tls;
    std::size_t loops = 0;              ///< Threads; 0: as many as there are cores.
    std::string server_name = "Divan";  ///< The Server header.
    std::uint32_t head_bytes_max = 64 * 1024;
    std::uint64_t drained_bytes_max = 8 << 20;  ///< Of a body that nobody read.
    std::chrono::milliseconds idle_limit{300'000};  ///< Between two requests.
    std::chrono::milliseconds head_limit{30'000};   ///< From its first byte to its last.
    std::chrono::milliseconds stall_limit{60'000};  ///< Of a body or an answer that does not move.
    std::chrono::milliseconds linger_limit{2'000};  ///< For the peer to read a last answer.
    std::chrono::milliseconds tick{1'000};          ///< How exact these limits are kept.
};

/// Listens, and runs a session for each connection on one of its loops. Throws
/// `std::runtime_error` with one clear line where it cannot listen.
class HttpServer {
public:
    /// Listens at once, answers from `start` on. `handler` and `metrics` outlive this.
    HttpServer(RequestHandler& handler, Metrics& metrics, HttpOptions options);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    std::uint16_t port() const;
    std::uint16_t tls_port() const;  ///< 0 where there is none.
    void start();
    /// Stops accepting, tells those who wait (`Connection::on_end`), lets what was accepted finish
    /// within `grace`, closes everything. Blocks. Once only. The loops are there until the
    /// destructor: work on a pool may still post to them.
    void stop(std::chrono::milliseconds grace);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace divan::server
