#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/bench/reply_parser.h"

namespace divan::bench {

/// Where requests go: `http://name:password@host:port/prefix`.
struct Target {
    std::string url;   ///< As given, the password taken out.
    std::string host;
    std::uint16_t port = 80;
    std::string prefix;
    std::string authorization;  ///< The whole header line; empty where the URL names nobody.
    std::string sign_in;        ///< The body of a POST to `_session`, likewise.

    /// Throws `std::invalid_argument` with a sentence.
    static Target parse(const std::string& url);
    /// The whole head of a request; of one with a `content_type` it announces a body.
    std::string head(std::string_view method, std::string_view path,
                     std::string_view content_type, std::size_t body_bytes) const;
};

/// What one client sends. The views must stay good until the reply has come.
struct Exchange {
    std::string head;
    std::string_view body;
    bool keep_body = false;
};

/// What clients do, one exchange after the other.
class Work {
public:
    virtual ~Work() = default;
    /// Fills in the client's next exchange; false where it has none left.
    virtual bool next(std::size_t client, Exchange& exchange) = 0;
    /// Throws where the reply is not what it should be.
    virtual void done(std::size_t client, const ReplyParser& reply,
                      std::chrono::nanoseconds latency) = 0;
};

/// Runs `clients` connections, each with one request under way, on this thread, until no client has
/// anything left. Throws `std::runtime_error` where the server is gone or silent for `patience`.
void run_load(const Target& target, std::size_t clients, Work& work,
              std::chrono::seconds patience = std::chrono::seconds(60));

/// Signs in as the URL says: the cookie of the session, `name=value`. Throws `std::runtime_error`
/// where the URL names nobody or the server gives no cookie.
std::string sign_in(const Target& target);

/// One request, with a body where there is a `content_type`; the whole reply. `status` receives its
/// status.
std::string call(const Target& target, std::string_view method, std::string_view path,
                 std::string_view content_type, std::string_view body, int& status);

}  // namespace divan::bench
