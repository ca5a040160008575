#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/http/response.h"

namespace divan::server {

/// How an answer is sent, besides what it says.
struct HeadOptions {
    bool http_1_0 = false;
    bool keep_alive = true;
    bool chunked = false;
    std::optional<std::uint64_t> length;
    std::string_view common;      ///< Lines that answers of this second share: Server and Date.
    std::string_view request_id;
    std::uint64_t body_time_ms = 0;
};

/// Appends status line and headers, the empty line included.
void append_head(std::string& out, const Response& response, const HeadOptions& options);

/// "Date: …" of that second, with its line end.
std::string date_line(std::int64_t unix_seconds);
std::string_view status_text(int status);

}  // namespace divan::server
