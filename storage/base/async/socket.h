#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "storage/base/async/io_loop.h"

namespace divan {

/// Bytes still to be sent, in up to four pieces: one gather write where the socket takes them.
struct Outgoing {
    std::array<std::string_view, 4> pieces{};

    std::size_t size() const {
        std::size_t sum = 0;
        for (const auto& piece : pieces) sum += piece.size();
        return sum;
    }
    void consume(std::size_t count);
};

/// One connection, never blocking: plain TCP, or TLS (`tls_socket.h`). Loop's thread only.
class Socket {
public:
    enum class Outcome : unsigned char { done, would_block, closed };
    enum class Handshake : unsigned char { done, wants_to_read, wants_to_write, failed };
    struct Io {
        Outcome outcome;
        std::size_t bytes;
    };

    virtual ~Socket() = default;
    /// To be called until it is done, before all else; of plain TCP there is none.
    virtual Handshake handshake() { return Handshake::done; }
    /// Fewer bytes than `size`: there are no more for now.
    virtual Io read(char* into, std::size_t size) = 0;
    /// Sends what it takes now, and takes that away from `out`.
    virtual Outcome write(Outgoing& out) = 0;
    /// See `Watch`.
    virtual void when_readable(std::function<void()> then) = 0;
    virtual void when_writable(std::function<void()> then) = 0;
    /// No more is sent; the peer sees the end after what was sent.
    virtual void end_sending() = 0;
    /// Both directions end now: what waits wakes up.
    virtual void abort() = 0;
    virtual bool secure() const = 0;
    virtual std::string local_address() const = 0;  ///< "127.0.0.1:5984"
    /// The TCP connection below: to ask the system about it, and for nothing else.
    virtual int descriptor() const = 0;
};

struct AddressText {
    std::string host;
    std::uint16_t port = 0;
};
/// Of this end of a socket, or of the other.
AddressText address_of(int descriptor, bool peer);

/// Takes the descriptor of an accepted connection.
std::unique_ptr<Socket> make_tcp_socket(IoLoop& loop, int descriptor);

}  // namespace divan
