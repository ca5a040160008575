#pragma once

#include <optional>

namespace divan {

/// Of a TCP connection that we open. Sizes in bytes; empty: the system's.
struct SocketOptions {
    bool keepalive = true;
    bool nodelay = true;
    std::optional<int> priority = {};  ///< Above 6 the system may not let us.
    std::optional<int> send_buffer = {};
    std::optional<int> receive_buffer = {};
    bool operator==(const SocketOptions&) const = default;
};

}  // namespace divan
