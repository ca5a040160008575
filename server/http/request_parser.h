#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/request.h"

namespace divan::server {

/// Takes HTTP/1.x requests apart, one after the other: head into a `Request`, then the body with
/// chunked transfer taken off. Holds no bytes of its own: what it did not consume comes again, with
/// more behind it.
class RequestParser {
public:
    enum class State : std::uint8_t {
        need_more,
        done,          ///< The head, or with `parse_body` the whole body, is there.
        bad,           ///< No HTTP request.
        head_too_big,
    };

    explicit RequestParser(std::uint32_t head_bytes_max);
    ~RequestParser();

    /// Begins a request: method, target, headers and keep_alive go to `request`.
    void begin(Request& request);
    /// Sets `consumed`. Once it is done only `parse_body` may be called.
    State parse_head(std::string_view bytes, std::size_t& consumed);
    /// Appends body bytes to `out`.
    State parse_body(std::string_view bytes, std::size_t& consumed, std::string& out);

    bool body_done() const;
    bool chunked() const;
    std::optional<std::uint64_t> content_length() const;
    bool http_1_0() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace divan::server
