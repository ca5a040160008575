#include "server/http/session.h"

#include <fmt/format.h>

#include "server/http/tls.h"
#include "storage/base/log.h"
#include "storage/base/random.h"

namespace divan::server {
namespace {

constexpr std::size_t read_buffer_bytes = 64 * 1024;
constexpr std::size_t spare_requests_max = 64;
constexpr std::string_view hex_digits = "0123456789abcdef";

std::int64_t unix_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

Task<void> serve(SessionHost& host, std::unique_ptr<Session> session) {
    host.metrics.open_connections.fetch_add(1, std::memory_order_relaxed);
    const auto place = host.sessions_.insert(host.sessions_.end(), session.get());
    try {
        co_await session->run();
    } catch (const std::exception& failure) {
        log(LogLevel::error, fmt::format("an answer ended unfinished: {}", failure.what()));
    }
    host.sessions_.erase(place);
    session.reset();
    host.metrics.open_connections.fetch_sub(1, std::memory_order_relaxed);
    host.count_.fetch_sub(1, std::memory_order_relaxed);
}

SessionHost::SessionHost(IoLoop& its_loop, RequestHandler& its_handler, Metrics& its_metrics,
                         const HttpOptions& its_options)
    : loop(its_loop),
      handler(its_handler),
      metrics(its_metrics),
      options(its_options),
      read_buffer(read_buffer_bytes),
      random_state_(random_u64() | 1),
      request_id_(10, '0') {}

void SessionHost::adopt(int descriptor, std::string peer, const TlsContext* tls) {
    auto socket = tls != nullptr ? tls->make_socket(loop, descriptor)
                                 : make_tcp_socket(loop, descriptor);
    auto session = std::make_unique<Session>(*this, std::move(socket), std::move(peer));
    spawn(serve(*this, std::move(session)));
}

void SessionHost::tick() {
    now = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
    common_lines = fmt::format("Server: {}\r\n{}", options.server_name, date_line(unix_now()));
    for (auto* session : sessions_) session->tick();
    loop.after(options.tick, [this] { tick(); });
}

void SessionHost::begin_stop() {
    stopping = true;
    // What a session does now may end it, but no other one.
    const std::vector<Session*> all(sessions_.begin(), sessions_.end());
    for (auto* session : all) session->begin_stop();
}

void SessionHost::abort_all() {
    for (auto* session : sessions_) session->abort();
}

std::unique_ptr<Request> SessionHost::take_request() {
    if (spare_requests_.empty()) return std::make_unique<Request>();
    auto request = std::move(spare_requests_.back());
    spare_requests_.pop_back();
    return request;
}

// Keeps the request's memory for the next one, unless a client made it large.
void SessionHost::give_back(std::unique_ptr<Request> request) {
    constexpr std::size_t kept_headers_max = 64;
    constexpr std::size_t kept_target_max = 1024;
    if (!request || spare_requests_.size() >= spare_requests_max) return;
    if (request->headers.capacity() > kept_headers_max ||
        request->target.capacity() > kept_target_max ||
        request->query.capacity() > kept_headers_max) {
        return;
    }
    request->segments.clear();
    request->raw_segments.clear();
    request->query.clear();
    request->headers.clear();
    request->local_address.clear();
    spare_requests_.push_back(std::move(request));
}

// Ten digits that only have to differ, so a xorshift does (Marsaglia).
std::string_view SessionHost::new_request_id() {
    random_state_ ^= random_state_ << 13;
    random_state_ ^= random_state_ >> 7;
    random_state_ ^= random_state_ << 17;
    for (std::size_t i = 0; i < request_id_.size(); ++i) {
        request_id_[i] = hex_digits[(random_state_ >> (4 * i)) & 15];
    }
    return request_id_;
}

}  // namespace divan::server
