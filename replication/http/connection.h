#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "replication/http/answer_parser.h"
#include "storage/base/async/cancellation.h"
#include "storage/base/async/socket.h"
#include "storage/base/inflater.h"

namespace divan::replication {

/// The body of a request that is not whole in memory.
class BodySource {
public:
    virtual ~BodySource() = default;
    /// Appends the next bytes to `out`, about 64 KiB; false at the end.
    virtual Task<bool> read(std::string& out) = 0;
};

/// How long an exchange may take, and what ends it.
struct ExchangeLimits {
    std::chrono::milliseconds silence;  ///< Without a byte in either direction.
    std::optional<std::chrono::steady_clock::time_point> deadline;
    Cancellation* cancellation;
};

/// One connection to a server, and one exchange at a time on it. Every task throws `PeerFailure`
/// (`unreachable`, `malformed` or `cancelled`); the connection is of no use then. One thread.
class HttpConnection {
public:
    explicit HttpConnection(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}

    /// Begins an exchange; `limits` are those of all that follows. Sends `head`, then `body`, then
    /// what `source` has, where there is one: `source_bytes` of it, or chunked where that is none.
    /// Stops early where the server answers before it has read all.
    Task<void> send(std::string head, std::string_view body, BodySource* source,
                    std::optional<std::uint64_t> source_bytes, ExchangeLimits limits);
    /// Reads the answer's head; interim ones (1xx) are passed over.
    Task<void> read_head(AnswerHead& head, bool no_body);
    /// Appends some of the answer's body to `out`, gzip and chunks taken off; false at its end.
    Task<bool> read_body(std::string& out);
    /// The same without waiting: false where nothing is there for now.
    bool read_some(std::string& out);

    /// A tunnel's further hand-shakes: sends bytes, and reads so many.
    Task<void> send_raw(std::string_view bytes, ExchangeLimits limits);
    Task<std::string> read_raw(std::size_t count);
    /// Bytes that came after what was read: none, of an honest proxy.
    bool has_unread() const { return !in_.empty(); }
    std::unique_ptr<Socket> take_socket() { return std::move(socket_); }
    Task<void> shake_hands(ExchangeLimits limits);

    /// Nothing of the answer came before the connection ended: the server had closed it.
    bool nothing_answered() const { return !answered_; }
    bool body_done() const { return body_done_; }
    /// Another exchange may follow.
    bool reusable() const { return body_done_ && keep_alive_ && in_.empty() && !stopped_early_; }
    /// Runs `then` once where the server hangs up, or speaks unasked. Only between exchanges.
    void when_ended(std::function<void()> then) { socket_->when_readable(std::move(then)); }

private:
    enum class Filled : unsigned char { some, nothing_yet, ended };

    Task<bool> send_pieces(Outgoing out);
    Task<void> send_source(BodySource& source, std::optional<std::uint64_t> bytes);
    Task<void> wait(bool for_writing);
    std::chrono::milliseconds time_left() const;
    Filled fill();
    Task<void> fill_or_wait();
    bool take_body(std::string& out);
    void inflate(std::string& out);
    bool answers_early();

    std::unique_ptr<Socket> socket_;
    AnswerParser parser_;
    std::optional<ExchangeLimits> limits_;
    std::optional<Signal> wake_;
    std::string in_;      ///< Received, not parsed.
    std::string packed_;  ///< Parsed, not unpacked.
    std::unique_ptr<Inflater> inflater_;
    bool ended_ = false;  ///< The server has ended the connection.
    bool answered_ = false;
    bool stopped_early_ = false;
    bool body_done_ = false;
    bool packed_some_ = false;
    bool keep_alive_ = false;
};

}  // namespace divan::replication
