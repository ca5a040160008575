#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/async/task.h"
#include "storage/base/error.h"

namespace divan::server {

/// What follows the header of a request, read when a handler asks for it. Chunked transfer is taken
/// off, gzip too, and "100 Continue" is sent at the first read.
class RequestBody {
public:
    virtual ~RequestBody() = default;
    /// Appends some bytes to `out`; false at the end, and then nothing was appended.
    /// Throws `Refused` where the body is broken (`bad_request`), the encoding unknown
    /// (`bad_content_type`), or the connection is gone.
    virtual Task<bool> read(std::string& out) = 0;
    /// The whole of it. Refuses with `request_too_large` beyond `bytes_max`.
    virtual Task<std::string> read_all(std::uint64_t bytes_max) = 0;
    /// Content-Length as sent; empty where the body is chunked.
    virtual std::optional<std::uint64_t> length() const = 0;
    /// Whether there is no body at all: no length and not chunked, or length 0.
    virtual bool absent() const = 0;
    /// Before the first read: the bytes are wanted as sent, whatever `Content-Encoding` says
    /// (attachments are stored so, multipart documents have it in their parts).
    virtual void keep_encoding() = 0;
};

/// The other end, for those who wait for something to happen before they answer (feeds). Lives as
/// long as the request, that is until the last byte of the answer was sent. Loop's thread only.
class Connection {
public:
    virtual ~Connection() = default;
    /// The client hung up: what is sent now goes nowhere.
    virtual bool gone() const = 0;
    /// `listener` runs once, on the loop, when the client hangs up or the server begins to stop:
    /// look at `gone()` and `Services::stopping`, then end. If that has happened already it runs
    /// soon. One listener at a time; an empty one ends the watch (do so before what it captures
    /// dies).
    virtual void on_end(std::function<void()> listener) = 0;
};

struct Header {
    std::string name;  ///< Lower case in requests, as sent in responses.
    std::string value;
};

struct QueryParameter {
    std::string name;
    std::string value;
};

/// The address that was asked for, where a virtual host made another of it.
inline constexpr std::string_view vhost_path_header = "x-couchdb-vhost-path";

/// One request. Lives as long as its session works on it.
struct Request {
    std::string method;         ///< As it counts: after X-HTTP-Method-Override; GET for HEAD.
    bool head = false;          ///< HEAD: answered as GET, the body left out.
    std::string target;         ///< As sent: path and query.
    std::string raw_path;       ///< The path as sent, slashes tidied.
    std::vector<std::string> segments;      ///< Percent-decoded, '+' is a space. Empty for "/".
    std::vector<std::string> raw_segments;  ///< As sent.
    std::vector<QueryParameter> query;      ///< In the order sent, decoded.
    std::vector<Header> headers;
    std::string peer_address;
    std::string local_address;  ///< "address:port", for clients that send no Host.
    bool secure = false;        ///< TLS.
    bool keep_alive = true;
    std::int64_t rewrites = 0;            ///< How often `_rewrite` made a request of another.
    std::shared_ptr<void> rewritten;      ///< The one made of this one, which lives as long.
    RequestBody* body = nullptr;
    Connection* connection = nullptr;

    /// The first header of this (lower-case) name; null where it was not sent.
    const std::string* header(std::string_view name) const;
    /// The last value of a query parameter; null where it was not sent.
    const std::string* parameter(std::string_view name) const;
    /// The content type without its parameters, as sent.
    std::string_view content_type() const;
};

/// Reads a request target: path, query, both percent-decoded. Refuses with `invalid_url_encoding`.
Result<void> parse_target(std::string_view target, Request& request);

/// Decodes the path's segments anew, a '+' standing for itself.
void keep_pluses(Request& request);

/// Percent-decodes; '+' is a space. Refuses a '%' without two hexadecimal digits.
Result<std::string> url_decode(std::string_view text);
/// mochiweb_util:quote_plus/1, as CouchDB uses it for database names in Location.
std::string url_quote(std::string_view text);
/// couch_util:url_encode/1, for document ids in Location: keeps ':', a space is "%20".
std::string url_encode(std::string_view text);
/// `path` (it begins with "/") as the client reaches it: scheme and host of the request, or those
/// that a proxy names in X-Forwarded-Host, -Ssl and -Proto (chttpd:absolute_uri/2).
std::string absolute_uri(const Request& request, std::string_view path);

}  // namespace divan::server
