#include "replication/http/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "replication/http/failures.h"

namespace divan::replication {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::size_t step_bytes = 64 * 1024;
// What one head, or one chunk's head, may leave unparsed.
constexpr std::size_t unparsed_bytes_max = AnswerParser::head_bytes_max + read_bytes;
// What a connection keeps while it waits.
constexpr std::size_t kept_bytes_max = 4 * 1024;

// Nothing waits between reading into it and copying out of it.
std::array<char, read_bytes>& read_buffer() {
    thread_local std::array<char, read_bytes> buffer;
    return buffer;
}

PeerFailure cut_off() {
    return unreachable("connection_closed", "the connection was closed");
}

PeerFailure silent() {
    return unreachable("timeout", "the peer did not answer in time");
}

bool is_gzip(const AnswerHead& head) {
    const auto encoding = header_of(head.headers, "content-encoding");
    return encoding == "gzip" || encoding == "x-gzip";
}

}  // namespace

std::chrono::milliseconds HttpConnection::time_left() const {
    if (!limits_->deadline) return limits_->silence;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        *limits_->deadline - std::chrono::steady_clock::now());
    return std::clamp(left, std::chrono::milliseconds(0), limits_->silence);
}

Task<void> HttpConnection::wait(bool for_writing) {
    if (!wake_) wake_.emplace();
    const Cancellation::Hook hook(*limits_->cancellation, *wake_);
    socket_->when_readable(wake_->ringer());
    if (for_writing) socket_->when_writable(wake_->ringer());
    const bool rung = co_await wake_->wait(time_left());
    socket_->when_readable(nullptr);
    if (for_writing) socket_->when_writable(nullptr);
    if (limits_->cancellation->requested()) throw cancelled();
    if (!rung) throw silent();
}

Task<void> HttpConnection::shake_hands(ExchangeLimits limits) {
    limits_ = limits;
    while (true) {
        const auto state = socket_->handshake();
        if (state == Socket::Handshake::done) co_return;
        if (state == Socket::Handshake::failed) throw unreachable("tls", "no TLS connection");
        const bool for_writing = state == Socket::Handshake::wants_to_write;
        co_await wait(for_writing);
    }
}

Task<void> HttpConnection::send(std::string head, std::string_view body, BodySource* source,
                                std::optional<std::uint64_t> source_bytes,
                                ExchangeLimits limits) {
    limits_ = limits;
    answered_ = stopped_early_ = body_done_ = keep_alive_ = packed_some_ = false;
    inflater_.reset();
    packed_.clear();
    if (limits.cancellation->requested()) throw cancelled();
    const bool sent = co_await send_pieces(Outgoing{{head, body, {}, {}}});
    if (sent && source != nullptr) co_await send_source(*source, source_bytes);
}

Task<void> HttpConnection::send_source(BodySource& source, std::optional<std::uint64_t> bytes) {
    std::string piece;
    std::uint64_t sum = 0;
    while (true) {
        piece.clear();
        const bool more = co_await source.read(piece);
        sum += piece.size();
        if (bytes && sum > *bytes) throw malformed("an attachment is longer than it was said");
        if (!piece.empty()) {
            std::string frame;
            if (!bytes) frame = fmt::format("{:x}\r\n", piece.size());
            const std::string_view end = bytes ? "" : "\r\n";
            const bool sent = co_await send_pieces(Outgoing{{frame, piece, end, {}}});
            if (!sent) co_return;
        }
        if (!more) break;
    }
    if (bytes && sum != *bytes) throw malformed("an attachment is shorter than it was said");
    if (!bytes) co_await send_pieces(Outgoing{{"0\r\n\r\n", {}, {}, {}}});
}

// False where the server does not want the rest: it has answered, or hung up.
Task<bool> HttpConnection::send_pieces(Outgoing out) {
    while (true) {
        const auto outcome = socket_->write(out);
        if (outcome == Socket::Outcome::done) co_return true;
        if (outcome == Socket::Outcome::closed || answers_early()) {
            stopped_early_ = true;
            co_return false;
        }
        co_await wait(true);
    }
}

bool HttpConnection::answers_early() {
    if (in_.empty() && fill() == Filled::ended) return true;
    static constexpr std::string_view interim = "HTTP/1.1 1";
    return !in_.empty() && !std::string_view(in_).starts_with(interim);
}

HttpConnection::Filled HttpConnection::fill() {
    if (ended_) return Filled::ended;
    auto& buffer = read_buffer();
    const auto io = socket_->read(buffer.data(), buffer.size());
    in_.append(buffer.data(), io.bytes);
    if (io.bytes > 0) answered_ = true;
    ended_ = io.outcome == Socket::Outcome::closed;
    if (io.bytes > 0) return Filled::some;
    return ended_ ? Filled::ended : Filled::nothing_yet;
}

// Returns with something new in `in_`, or with `ended_`.
Task<void> HttpConnection::fill_or_wait() {
    while (true) {
        const auto filled = fill();
        if (filled != Filled::nothing_yet) co_return;
        if (in_.empty() && in_.capacity() > kept_bytes_max) in_.shrink_to_fit();
        co_await wait(false);
    }
}

Task<void> HttpConnection::read_head(AnswerHead& head, bool no_body) {
    parser_.begin(head, no_body);
    while (true) {
        std::size_t consumed = 0;
        const auto state =
            in_.empty() ? AnswerParser::State::need_more : parser_.parse_head(in_, consumed);
        in_.erase(0, consumed);
        if (state == AnswerParser::State::bad) throw malformed("the answer is not HTTP");
        if (state == AnswerParser::State::head_too_big || in_.size() > unparsed_bytes_max) {
            throw malformed("the head of the answer is too large");
        }
        if (state == AnswerParser::State::done) {
            if (head.status >= 200 || head.status == 101) break;
            parser_.begin(head, no_body);
            continue;
        }
        co_await fill_or_wait();
        if (ended_) throw cut_off();
    }
    keep_alive_ = head.keep_alive;
    if (is_gzip(head) && !no_body) inflater_ = std::make_unique<Inflater>();
}

void HttpConnection::inflate(std::string& out) {
    std::string_view rest = packed_;
    if (!inflater_->step(rest, out, step_bytes)) throw malformed("the answer is no gzip");
    packed_.erase(0, packed_.size() - rest.size());
}

// True where `out` grew or the body is done.
bool HttpConnection::take_body(std::string& out) {
    const auto before = out.size();
    if (inflater_ && (!packed_.empty() || inflater_->holds_more())) {
        inflate(out);
        if (out.size() > before) return true;
    }
    std::size_t consumed = 0;
    auto state = parser_.parse_body(in_, consumed, inflater_ ? packed_ : out);
    in_.erase(0, consumed);
    if (state == AnswerParser::State::need_more && ended_ && in_.empty()) {
        state = parser_.end_of_input();
        if (state == AnswerParser::State::bad) throw cut_off();
    }
    if (state == AnswerParser::State::bad) throw malformed("the answer is not HTTP");
    if (in_.size() > unparsed_bytes_max) throw malformed("a chunk's head is too large");
    packed_some_ = packed_some_ || !packed_.empty();
    if (inflater_ && !packed_.empty()) inflate(out);
    if (state == AnswerParser::State::done) {
        body_done_ = !inflater_ || (packed_.empty() && !inflater_->holds_more());
    }
    if (body_done_ && packed_some_ && !inflater_->finished()) throw cut_off();
    return body_done_ || out.size() > before;
}

Task<bool> HttpConnection::read_body(std::string& out) {
    if (body_done_) co_return false;
    const auto before = out.size();
    while (true) {
        if (take_body(out)) co_return out.size() > before;
        if (ended_) throw cut_off();
        co_await fill_or_wait();
    }
}

bool HttpConnection::read_some(std::string& out) {
    if (body_done_) return false;
    const auto before = out.size();
    while (!take_body(out)) {
        if (ended_) throw cut_off();
        if (fill() == Filled::nothing_yet) return false;
    }
    return out.size() > before;
}

Task<void> HttpConnection::send_raw(std::string_view bytes, ExchangeLimits limits) {
    limits_ = limits;
    if (limits.cancellation->requested()) throw cancelled();
    const bool sent = co_await send_pieces(Outgoing{{bytes, {}, {}, {}}});
    if (!sent) throw cut_off();
}

Task<std::string> HttpConnection::read_raw(std::size_t count) {
    while (in_.size() < count) {
        if (ended_) throw cut_off();
        co_await fill_or_wait();
    }
    std::string bytes = in_.substr(0, count);
    in_.erase(0, count);
    co_return bytes;
}

}  // namespace divan::replication
