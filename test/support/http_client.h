#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace divan::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// An answer. Equal to another one by status and body.
struct Reply {
    int status = 0;
    std::string body;
    Headers headers;  ///< Names in lower case.

    /// Empty where it was not sent.
    std::string header(std::string_view name) const;
    bool operator==(const Reply& other) const {
        return status == other.status && body == other.body;
    }
};

std::ostream& operator<<(std::ostream& out, const Reply& reply);

/// How a client does TLS.
struct ClientTls {
    std::string trusted_file;  ///< The server's certificate must be this one, or signed by it.
    std::string own_file;      ///< The client's certificate; empty: none.
    std::string own_key_file;
    int version_max = 0;       ///< Like TLS1_2_VERSION; 0: the newest.
};

/// One connection to a server on this machine, for tests: blocking, with a time limit, as exact or
/// as wrong as the test sends it. Throws `std::runtime_error` where the connection breaks.
class HttpClient {
public:
    explicit HttpClient(std::uint16_t port,
                        std::chrono::milliseconds limit = std::chrono::seconds(120));
    /// Throws where the two do not agree.
    HttpClient(std::uint16_t port, const ClientTls& tls,
               std::chrono::milliseconds limit = std::chrono::seconds(120));
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    void send(std::string_view bytes);
    /// Reads one answer; of a HEAD no body.
    Reply receive(bool head = false);
    /// Bytes up to and with the next line feed.
    std::string receive_line();
    /// Status line and headers only; the body is then up to the caller.
    Reply receive_head();
    /// Whether the server has ended the connection; waits for it.
    bool at_end();
    void hang_up();

    /// A whole exchange. Adds Host where it has none, and Content-Length where there is a body.
    Reply request(std::string_view method, std::string_view target, std::string_view body = {},
                  const Headers& headers = {});

    /// "TLSv1.3"; empty without TLS.
    std::string tls_version() const;

private:
    struct Tls;

    void fill();
    std::string take(std::size_t count);

    int socket_;
    std::unique_ptr<Tls> tls_;
    std::string buffer_;
};

}  // namespace divan::test
