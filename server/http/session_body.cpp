#include "server/http/session.h"

namespace divan::server {
namespace {

constexpr std::size_t unpack_step_bytes = 128 * 1024;
constexpr std::size_t reserved_bytes_max = 256 * 1024;
// A body may take this much longer for every KiB that arrived: slow lines pass, drips do not.
constexpr std::chrono::milliseconds patience_per_kib{1000};
constexpr std::chrono::milliseconds patience_min{5000};

constexpr std::string_view not_gzipped = "Request body is not properly gzipped.";

[[noreturn]] void broken() {
    throw Refused(Code::bad_request, "The request body ended early.");
}

}  // namespace

struct BodyWait {
    Socket& socket;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiter) const {
        socket.when_readable([awaiter] { awaiter.resume(); });
    }
    void await_resume() const noexcept {}
};

bool Session::absent() const {
    if (parser_.chunked()) return false;
    return parser_.content_length().value_or(0) == 0;
}

void Session::check_encoding() {
    encoding_checked_ = true;
    if (keep_encoding_) return;
    const auto* encoding = request_->header("content-encoding");
    if (encoding == nullptr || *encoding == "identity") return;
    if (*encoding != "gzip") {
        throw Refused(Code::bad_content_type, *encoding + " is not a supported content encoding.");
    }
    inflater_ = std::make_unique<Inflater>();
}

std::chrono::milliseconds Session::body_patience() const {
    const auto received_kib = static_cast<std::int64_t>(body_received_ >> 10);
    const auto allowed = host_.options.stall_limit + patience_per_kib * received_kib;
    const auto least = std::min(patience_min, host_.options.stall_limit);
    return std::max(allowed - stalled_, least);
}

// Takes body bytes off the front of `bytes`; what is left is in `pending_` afterwards.
RequestParser::State Session::parse_body(std::string_view bytes, std::string& out) {
    const auto size_before = out.size();
    std::size_t used = 0;
    const auto state = parser_.parse_body(bytes, used, out);
    if (bytes.data() == pending_.data()) {
        pending_.erase(0, used);
    } else {
        pending_.assign(bytes.substr(used));
    }
    if (state == RequestParser::State::bad) {
        keep_alive_ = false;
        throw Refused(Code::bad_request, "malformed request body");
    }
    body_received_ += out.size() - size_before;
    return state;
}

// Body bytes as sent, less the chunked transfer. False at the end.
Task<bool> Session::read_raw(std::string& out) {
    const auto size_before = out.size();
    auto state = parse_body(pending_, out);
    while (out.size() == size_before) {
        if (state == RequestParser::State::done) co_return false;
        if (std::exchange(expects_continue_, false) && body_received_ == 0 && pending_.empty()) {
            Outgoing proceed{{"HTTP/1.1 100 Continue\r\n\r\n"}};
            if (socket_->write(proceed) != Socket::Outcome::done) broken();
        }
        const auto io = socket_->read(host_.read_buffer.data(), host_.read_buffer.size());
        if (io.outcome == Socket::Outcome::closed) {
            keep_alive_ = false;
            gone_ = true;
            broken();
        }
        if (io.outcome == Socket::Outcome::would_block) {
            const auto since = host_.now;
            limit(body_patience());
            co_await BodyWait{*socket_};
            no_limit();
            stalled_ += host_.now - since;
        } else if (pending_.empty()) {
            state = parse_body({host_.read_buffer.data(), io.bytes}, out);
        } else {
            pending_.append(host_.read_buffer.data(), io.bytes);
            state = parse_body(pending_, out);
        }
    }
    co_return true;
}

Task<bool> Session::read(std::string& out) {
    if (!encoding_checked_) check_encoding();
    if (!inflater_) co_return co_await read_raw(out);

    const auto size_before = out.size();
    while (true) {
        std::string_view rest = packed_;
        const bool good = inflater_->step(rest, out, unpack_step_bytes);
        packed_.erase(0, packed_.size() - rest.size());
        if (!good) throw Refused(Code::bad_request, std::string(not_gzipped));
        if (out.size() > size_before) co_return true;
        const bool more = co_await read_raw(packed_);
        if (more) continue;
        if (!inflater_->finished()) throw Refused(Code::bad_request, std::string(not_gzipped));
        co_return false;
    }
}

Task<std::string> Session::read_all(std::uint64_t bytes_max) {
    const auto began = std::chrono::steady_clock::now();
    const auto sent_length = parser_.content_length();
    if (sent_length && *sent_length > bytes_max) throw Refused(Code::request_too_large, {});
    std::string out;
    out.reserve(static_cast<std::size_t>(
        std::min<std::uint64_t>(sent_length.value_or(0), reserved_bytes_max)));
    while (true) {
        const bool more = co_await read(out);
        if (out.size() > bytes_max) throw Refused(Code::request_too_large, {});
        if (!more) break;
    }
    const auto spent = std::chrono::steady_clock::now() - began;
    body_time_ms_ = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(spent).count());
    co_return out;
}

// Reads what the handler left of the body, so that the next request can be found behind it. False
// where that is not worth it.
Task<bool> Session::drain() {
    if (!keep_alive_ || expects_continue_) co_return false;
    std::string dropped;
    std::uint64_t sum = 0;
    try {
        while (sum <= host_.options.drained_bytes_max) {
            dropped.clear();
            const bool more = co_await read_raw(dropped);
            if (!more) co_return true;
            sum += dropped.size();
        }
    } catch (const Refused&) {
        co_return false;  // the connection ends here either way
    }
    co_return false;
}

// A socket closed with unread bytes in it resets, and the peer may lose our last answer. So: no
// more from us, and the peer has a moment to read it and to hang up.
Task<void> Session::linger() {
    socket_->end_sending();
    limit(host_.options.linger_limit);
    for (std::uint64_t sum = 0; sum <= host_.options.drained_bytes_max;) {
        const auto io = socket_->read(host_.read_buffer.data(), host_.read_buffer.size());
        if (io.outcome == Socket::Outcome::closed) co_return;
        sum += io.bytes;
        if (io.outcome == Socket::Outcome::would_block) co_await BodyWait{*socket_};
        if (deadline_ == std::chrono::milliseconds{}) co_return;  // `tick` ended it
    }
}

}  // namespace divan::server
