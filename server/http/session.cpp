#include "server/http/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/base/log.h"

namespace divan::server {
namespace {

constexpr unsigned answers_in_a_row_max = 32;
constexpr std::size_t flush_bytes = 32 * 1024;
constexpr std::size_t kept_pending_bytes = 4096;
constexpr std::size_t pending_bytes_max = 64 * 1024;

// Lets the loop do other work, then goes on.
struct Yield {
    EventLoop& loop;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiter) const {
        loop.post([awaiter] { awaiter.resume(); });
    }
    void await_resume() const noexcept {}
};

bool body_allowed(int status) {
    return status >= 200 && status != 204 && status != 304;
}

bool good_request_id(std::string_view id) {
    const auto good = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-' || c == '_';
    };
    return !id.empty() && id.size() <= 36 && std::all_of(id.begin(), id.end(), good);
}

// X-HTTP-Method-Override counts on POST only, and only these (chttpd:handle_request_int/1).
bool may_override(std::string_view method) {
    static constexpr std::string_view known[] = {"GET",    "HEAD",  "POST",    "PUT",
                                                 "DELETE", "TRACE", "CONNECT", "COPY"};
    return std::find(std::begin(known), std::end(known), method) != std::end(known);
}

}  // namespace

struct Session::Wait {
    Socket& socket;
    bool to_write;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiter) const {
        auto then = [awaiter] { awaiter.resume(); };
        to_write ? socket.when_writable(then) : socket.when_readable(then);
    }
    void await_resume() const noexcept {}
};

Session::Session(SessionHost& host, std::unique_ptr<Socket> socket, std::string peer)
    : host_(host),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      parser_(host.options.head_bytes_max) {}

Session::~Session() {
    if (alive_) *alive_ = false;
}

// False where the peer speaks no TLS, or not in time.
Task<bool> Session::shake_hands() {
    limit(host_.options.head_limit);
    while (true) {
        switch (socket_->handshake()) {
            case Socket::Handshake::done: co_return true;
            case Socket::Handshake::failed: co_return false;
            case Socket::Handshake::wants_to_read: co_await Wait{*socket_, false}; break;
            case Socket::Handshake::wants_to_write: co_await Wait{*socket_, true}; break;
        }
    }
}

Task<void> Session::run() {
    const bool ready = co_await shake_hands();
    if (!ready) co_return;
    readable_ = true;  // a request may have come with the handshake's last bytes
    while (true) {
        tried_ = 0;
        idle_ = true;
        answering_ = false;
        limit(host_.options.idle_limit);
        Step step = read_head();
        while (step == Step::wait) {
            co_await Wait{*socket_, false};
            readable_ = true;
            step = read_head();
        }
        if (step == Step::end) break;
        answering_ = true;
        no_limit();

        bool sent = false;
        {
            Response response = co_await answer();
            sent = co_await send(response);
        }
        if (!sent) break;
        bool drained = refused_ || parser_.body_done();
        if (!drained) drained = co_await drain();
        const bool unread = refused_ || !drained || !pending_.empty();
        const bool more = drained && keep_alive_ && !host_.stopping;
        end_request();
        if (!more) {
            if (unread) co_await linger();
            break;
        }
        if (++answered_in_a_row_ >= answers_in_a_row_max) {
            answered_in_a_row_ = 0;
            co_await Yield{host_.loop};
        }
    }
    request_.reset();
}

// Tries to find a whole head in what is there, without waiting.
Session::Step Session::read_head() {
    while (true) {
        if (pending_.size() > tried_) {
            const auto step = parse_head(pending_);
            if (step != Step::wait) return step;
            tried_ = pending_.size();
        }
        if (!readable_) {
            answered_in_a_row_ = 0;
            if (host_.stopping) return Step::end;
            return Step::wait;
        }
        const auto io = socket_->read(host_.read_buffer.data(), host_.read_buffer.size());
        readable_ = io.outcome == Socket::Outcome::done && io.bytes == host_.read_buffer.size();
        if (io.outcome == Socket::Outcome::closed) return Step::end;
        if (io.bytes == 0) continue;
        const std::string_view bytes(host_.read_buffer.data(), io.bytes);
        if (!pending_.empty()) {
            pending_.append(bytes);
            continue;
        }
        const auto step = parse_head(bytes);
        if (step != Step::wait) return step;
        tried_ = pending_.size();
    }
}

// `bytes` are `pending_`, or were just received; what is not used is in `pending_` afterwards.
Session::Step Session::parse_head(std::string_view bytes) {
    const bool from_pending = bytes.data() == pending_.data();
    std::size_t used = 0;
    auto state = RequestParser::State::need_more;
    // Some clients send one after a body.
    while (idle_ && bytes.substr(used).starts_with("\r\n")) used += 2;
    if (used < bytes.size()) {
        if (idle_) {
            idle_ = false;
            limit(host_.options.head_limit);
            request_ = host_.take_request();
            parser_.begin(*request_);
        }
        std::size_t consumed = 0;
        state = parser_.parse_head(bytes.substr(used), consumed);
        used += consumed;
    }
    if (from_pending) {
        pending_.erase(0, used);
    } else {
        pending_.assign(bytes.substr(used));
    }
    if (state == RequestParser::State::need_more) return Step::wait;
    refused_ = state != RequestParser::State::done;
    if (refused_) {
        refuse_head(state);
    } else {
        take_head();
    }
    return Step::done;
}

void Session::refuse_head(RequestParser::State state) {
    keep_alive_ = false;
    const bool too_big = state == RequestParser::State::head_too_big;
    refusal_ = too_big ? Error{Code::request_too_large, "the request header is too large", {}}
                       : Error{Code::bad_request, "malformed request", {}};
}

void Session::take_head() {
    auto& request = *request_;
    request.peer_address = peer_;
    request.secure = socket_->secure();
    request.body = this;
    request.connection = this;
    keep_alive_ = request.keep_alive;
    if (request.header("host") == nullptr) request.local_address = socket_->local_address();

    const auto* expect = request.header("expect");
    expects_continue_ = expect != nullptr && *expect == "100-continue" && !parser_.http_1_0();
    keep_encoding_ = encoding_checked_ = false;
    body_received_ = body_time_ms_ = 0;
    stalled_ = {};

    request.head = request.method == "HEAD";
    const auto* instead = request.header("x-http-method-override");
    if (instead != nullptr && request.method == "POST" && may_override(*instead)) {
        request.method = *instead;
    }
    if (request.method == "HEAD") request.method = "GET";
}

void Session::end_request() {
    if (watching_) socket_->when_readable(nullptr);
    watching_ = false;
    end_listener_ = nullptr;
    inflater_.reset();
    packed_ = {};
    host_.give_back(std::move(request_));
    if (pending_.empty() && pending_.capacity() > kept_pending_bytes) pending_ = {};
}

Task<Response> Session::answer() {
    if (refused_) co_return refusal(refusal_);
    host_.metrics.requests.fetch_add(1, std::memory_order_relaxed);
    host_.metrics.count_method(request_->head ? std::string_view("HEAD") : request_->method);
    try {
        const auto target = parse_target(request_->target, *request_);
        if (!target) {
            Response refused = refusal(target.error());
            host_.handler.complete(*request_, refused);
            co_return refused;
        }
        Response response = co_await host_.handler.handle(*request_);
        co_return response;
    } catch (const Refused& refused) {
        co_return refusal(refused.error());
    } catch (const std::exception& failure) {
        log(LogLevel::error, fmt::format("{} {}: {}", request_->method, request_->raw_path,
                                         failure.what()));
        co_return refusal(Code::internal_error);
    }
}

// The answer's head goes to the host's buffer, good until the next suspension.
void Session::write_head(const Response& response) {
    const bool head = request_ && request_->head;
    const bool body = body_allowed(response.status);
    const bool old = !refused_ && parser_.http_1_0();
    if (!refused_ && !parser_.body_done()) {
        const auto length = parser_.content_length();
        const bool never_comes = expects_continue_;
        const bool too_much = length && *length - std::min(*length, body_received_) >
                                            host_.options.drained_bytes_max;
        if (never_comes || too_much) keep_alive_ = false;
    }
    const bool until_closed = response.source && !response.length && old;
    if (response.close || host_.stopping || (until_closed && !head)) keep_alive_ = false;

    HeadOptions options;
    options.http_1_0 = old;
    options.keep_alive = keep_alive_;
    options.chunked = body && response.source && !response.length && !old;
    if (body && !response.source) {
        options.length = head ? response.length.value_or(response.body.size())
                              : response.body.size();
    } else if (body) {
        options.length = response.length;
    } else if (response.status == 304) {
        options.length = 0;  // as CouchDB's
    }
    options.common = host_.common_lines;
    const auto* sent_id = request_ ? request_->header("x-couch-request-id") : nullptr;
    options.request_id = sent_id != nullptr && good_request_id(*sent_id)
                             ? std::string_view(*sent_id)
                             : host_.new_request_id();
    options.body_time_ms = body_time_ms_;
    host_.head_buffer.clear();
    append_head(host_.head_buffer, response, options);
}

Task<bool> Session::send(Response& response) {
    if (response.status >= 0 && response.status < 600) {
        host_.metrics.status_codes[static_cast<std::size_t>(response.status)].fetch_add(
            1, std::memory_order_relaxed);
    }
    write_head(response);
    const bool with_body = body_allowed(response.status) && !(request_ && request_->head);
    if (response.source && with_body) co_return co_await send_source(response);

    Outgoing out;
    out.pieces[0] = host_.head_buffer;
    if (with_body) out.pieces[1] = response.body;
    const auto outcome = socket_->write(out);
    if (outcome != Socket::Outcome::would_block) co_return outcome == Socket::Outcome::done;

    const std::string head_rest(out.pieces[0]);  // the host's buffer is others' from here on
    out.pieces[0] = head_rest;
    co_return co_await send_rest(out);
}

// The pieces must outlive the call. False when the connection broke.
Task<bool> Session::send_rest(Outgoing out) {
    while (true) {
        const auto outcome = socket_->write(out);
        if (outcome != Socket::Outcome::would_block) {
            no_limit();
            co_return outcome == Socket::Outcome::done;
        }
        limit(host_.options.stall_limit);
        co_await Wait{*socket_, true};
    }
}

// The next bytes of a source, maybe not there yet.
struct Session::Ahead {
    std::string chunk;
    bool more = false;
    bool ready = false;
    std::exception_ptr failure;
    std::coroutine_handle<> waiter;

    struct Wait {
        Ahead& ahead;
        bool await_ready() const noexcept { return ahead.ready; }
        void await_suspend(std::coroutine_handle<> awaiter) const { ahead.waiter = awaiter; }
        void await_resume() const noexcept {}
    };
};

Task<void> Session::run_ahead(ChunkSource& source, Ahead& ahead) {
    try {
        ahead.more = co_await source.next(ahead.chunk);
    } catch (...) {
        ahead.failure = std::current_exception();
    }
    ahead.ready = true;
    if (ahead.waiter) std::exchange(ahead.waiter, nullptr).resume();
}

// Small chunks that are there at once go out together; before the source makes us wait, everything
// it gave is sent.
Task<bool> Session::send_source(Response& response) {
    const bool chunked = !response.length && !parser_.http_1_0();
    std::uint64_t left = response.length.value_or(std::numeric_limits<std::uint64_t>::max());
    std::string out = host_.head_buffer;
    std::string size_line;
    Ahead ahead;
    while (true) {
        ahead.chunk.clear();
        ahead.ready = false;
        spawn(run_ahead(*response.source, ahead));
        if (!ahead.ready) {
            Outgoing so_far{{out}};
            const bool sent = co_await send_rest(so_far);
            out.clear();
            if (!sent) fire_end();
            co_await Ahead::Wait{ahead};
            if (!sent) co_return false;
        }
        if (ahead.failure) std::rethrow_exception(ahead.failure);
        if (!ahead.more) break;
        if (ahead.chunk.empty()) continue;
        if (ahead.chunk.size() > left) ahead.chunk.resize(left);
        if (response.length) left -= ahead.chunk.size();
        size_line = chunked ? fmt::format("{:x}\r\n", ahead.chunk.size()) : std::string();
        const std::string_view chunk_end = chunked ? "\r\n" : "";
        if (ahead.chunk.size() < flush_bytes / 2) {
            out.append(size_line).append(ahead.chunk).append(chunk_end);
            if (out.size() < flush_bytes) continue;
            size_line.clear();
            ahead.chunk.clear();
        }
        const bool framed = !ahead.chunk.empty();
        Outgoing pieces{{out, size_line, ahead.chunk, framed ? chunk_end : std::string_view()}};
        const bool sent = co_await send_rest(pieces);
        out.clear();
        if (!sent) co_return false;
    }
    if (chunked) out += "0\r\n\r\n";
    Outgoing last{{out}};
    const bool sent = co_await send_rest(last);
    co_return sent && (!response.length || left == 0);
}

void Session::tick() {
    if (deadline_ != std::chrono::milliseconds{} && host_.now >= deadline_) {
        no_limit();
        abort();
    }
}

void Session::begin_stop() {
    if (answering_) {
        fire_end();
    } else {
        abort();
    }
}

void Session::abort() {
    socket_->abort();
}

void Session::on_end(std::function<void()> listener) {
    end_listener_ = std::move(listener);
    if (!end_listener_) return;
    if (gone_ || host_.stopping) {
        if (!alive_) alive_ = std::make_shared<bool>(true);
        host_.loop.post([this, alive = alive_] {
            if (*alive) fire_end();
        });
        return;
    }
    watch_peer();
}

// Only between the request's last byte and the next request: then nobody else reads.
void Session::watch_peer() {
    if (watching_ || !parser_.body_done() || pending_.size() >= pending_bytes_max) return;
    watching_ = true;
    socket_->when_readable([this] {
        watching_ = false;
        check_peer();
    });
}

void Session::check_peer() {
    const auto io = socket_->read(host_.read_buffer.data(), host_.read_buffer.size());
    if (io.outcome == Socket::Outcome::closed) {
        gone_ = true;
        fire_end();
        return;
    }
    pending_.append(host_.read_buffer.data(), io.bytes);  // a pipelined request
    watch_peer();
}

void Session::fire_end() {
    const auto listener = std::exchange(end_listener_, nullptr);
    if (listener) listener();
}

}  // namespace divan::server
