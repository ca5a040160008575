#include "replication/http/client.h"

#include <fmt/format.h>

#include <algorithm>

#include "replication/http/failures.h"
#include "replication/http/headers.h"
#include "storage/base/random.h"

namespace divan::replication {
namespace {

// Of one request: redirects, and 401 to a cookie that has just become old.
constexpr unsigned turns_max = 6;
constexpr std::chrono::milliseconds first_wait{250};
constexpr std::chrono::milliseconds wait_max{300'000};
// A streamed request cannot be tried again on another connection.
constexpr std::chrono::milliseconds idle_max_when_streamed{1500};
constexpr std::size_t refusal_bytes_max = 64 * 1024;

std::chrono::steady_clock::time_point now() {
    return std::chrono::steady_clock::now();
}

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// couch_replicator_httpc:process_response/5 tries again after these; 501 never changes.
bool is_transient(int status) {
    return status == 408 || (status >= 500 && status != 501);
}

std::string without_query(std::string_view url) {
    std::string text(url.substr(0, url.find_first_of("?#")));
    if (!text.ends_with('/')) text += '/';
    return text;
}

Url parsed(const std::string& text) {
    auto url = parse_url(text);
    if (!url) throw rejected("bad_url", "the address of the database is none");
    return std::move(*url);
}

}  // namespace

Task<std::string> HttpAnswer::body(std::size_t bytes_max) {
    std::string bytes;
    while (true) {
        const bool more = co_await read(bytes);
        if (bytes.size() > bytes_max) throw rejected("answer_too_large", "the answer is too large");
        if (!more) co_return bytes;
    }
}

HttpClient::HttpClient(HttpPeerSettings settings, HttpClients& clients)
    : settings_(std::move(settings)),
      clients_(clients),
      parts_(clients.parts()),
      connections_(std::max<std::size_t>(settings_.connections, 1)) {
    const auto url = parsed(settings_.url);
    route_ = route_to(url, settings_.proxy, settings_.connect_to);
    base_path_ = without_query(url.path);
    name_ = without_query(without_userinfo(settings_.url));
    auto own = read_own_headers(settings_.headers);
    headers_ = std::move(own.headers);
    if (settings_.credentials) {
        credentials_ = settings_.credentials;
    } else if (url.has_userinfo && url.has_password) {
        credentials_ = HttpCredentials{percent_decode(url.user, false),
                                       percent_decode(url.password, false)};
    } else {
        credentials_ = std::move(own.credentials);
    }
    if (credentials_ && parts_.settings.session_auth) {
        session_ = parts_.sessions.of(route_.key(), credentials_->user, credentials_->password);
    }
}

ReplicationMetrics& HttpClient::metrics() {
    return parts_.metrics;
}

void HttpClient::count(const HttpRequest& request, bool good) {
    auto& feeds = good ? metrics().feeds_good : metrics().feeds_failed;
    auto& others = good ? metrics().responses_good : metrics().responses_failed;
    ReplicationMetrics::count(request.feed ? feeds : others);
}

ExchangeLimits HttpClient::limits(const HttpRequest& request) {
    ExchangeLimits limits{settings_.silence_limit, std::nullopt, &cancellation_of(request)};
    if (!request.feed && settings_.request_limit.count() > 0) {
        limits.deadline = now() + settings_.request_limit;
    }
    return limits;
}

Task<void> HttpClient::back_off(unsigned tries, Cancellation& cancellation) {
    const auto wait = std::min(first_wait * (1 << std::min(tries, 12u)), wait_max);
    const auto jitter = std::chrono::milliseconds(random_u64() % 64);
    const bool slept = co_await cancellation.sleep(wait + jitter);
    if (!slept) throw cancelled();
}

// couch_replicator_httpc:backoff_before_request/3
Task<void> HttpClient::wait_for_turn(Cancellation& cancellation) {
    const auto wait = parts_.limiter.interval(route_.key(), now());
    if (wait >= RateLimiter::interval_max) {
        throw unreachable("max_backoff", "the peer has had us wait for too long", 429);
    }
    if (wait.count() > 0) {
        const bool slept = co_await cancellation.sleep(wait);
        if (!slept) throw cancelled();
    }
    if (cancellation.requested()) throw cancelled();
}

Task<std::unique_ptr<HttpAnswer>> HttpClient::send(const HttpRequest& request) {
    const bool of_server = request.path.starts_with('/');
    Target target{route_, (of_server ? "" : base_path_) + request.path, request.method, true};
    if (!request.query.empty()) target.path += "?" + request.query;
    const bool final = request.once || request.source != nullptr;
    auto& cancellation = cancellation_of(request);
    unsigned failures = 0;
    unsigned turns = 0;
    bool fresh = false;
    while (true) {
        co_await wait_for_turn(cancellation);
        Attempt result;
        co_await attempt(request, target, fresh, result);
        fresh = result.stale;
        if (result.stale) continue;
        const auto verdict = judge(request, target, turns, result);
        if (verdict == Verdict::good) co_return std::move(result.answer);
        if (verdict == Verdict::again && request.source == nullptr) continue;
        if (result.answer && !result.failure) {
            const int status = result.answer->head.status;
            result.failure = unreachable("http_error", fmt::format("{} answered {}", name_, status),
                                         status);
        }
        result.answer.reset();
        if (final || failures >= settings_.retries) throw *result.failure;
        ReplicationMetrics::count(metrics().retries);
        co_await back_off(failures++, cancellation);
    }
}

// Whether there is an answer for who asked, or another try is due, at once or after a while. Throws
// what no other try will change.
HttpClient::Verdict HttpClient::judge(const HttpRequest& request, Target& target, unsigned& turns,
                                      Attempt& result) {
    if (result.failure) {
        const auto kind = result.failure->kind();
        if (kind != PeerFailure::Kind::cancelled) count(request, false);
        const bool may_change = kind == PeerFailure::Kind::unreachable ||
                                kind == PeerFailure::Kind::malformed;
        if (!may_change) throw *result.failure;
        return Verdict::failed;
    }
    const auto& head = result.answer->head;
    if (head.status == 429) {
        ReplicationMetrics::count(metrics().throttled);
        parts_.limiter.refused(route_.key(), now());
        return Verdict::again;
    }
    count(request, !is_transient(head.status));
    if (is_transient(head.status)) return Verdict::failed;
    parts_.limiter.served(route_.key(), now());
    if (is_redirect(head.status)) {
        if (++turns > turns_max) throw rejected("redirects", name_ + " redirects without end");
        redirect(request, head, target);
        return Verdict::again;
    }
    if (result.epoch && head.status / 100 == 2) {
        session_->take_cookie(head.headers, now(), parts_.settings);
    }
    if (result.token && head.status / 100 == 2) settings_.tokens->accepted(*result.token);
    if (result.token && head.status == 401 && ++turns <= turns_max &&
        settings_.tokens->refused(*result.token)) {
        return Verdict::again;
    }
    const bool refused = head.status == 401 || head.status == 403;
    if (refused && result.epoch && ++turns <= turns_max &&
        session_->refused(*result.epoch, now(), parts_.settings)) {
        return Verdict::again;
    }
    return Verdict::good;
}

// couch_replicator_httpc:do_redirect/6, but credentials stay with the server they are for, and
// nothing leaves TLS.
void HttpClient::redirect(const HttpRequest& request, const AnswerHead& head,
                          Target& target) const {
    const auto location = header_of(head.headers, "location");
    if (request.source != nullptr) throw rejected("redirected", name_ + " redirects an upload");
    if (head.status == 303) target.method = "GET";
    if (location.starts_with('/') && !location.starts_with("//")) {
        target.path = location;
        return;
    }
    const auto url = parse_url(location);
    if (!url || (target.route.tls && url->scheme != "https")) {
        throw rejected("redirected", name_ + " redirects to where we do not go");
    }
    target.route = route_to(*url, settings_.proxy, settings_.connect_to);
    target.path = url->path.substr(0, url->path.find('#'));
    target.same_server = target.route.key() == route_.key();
}

Task<void> HttpClient::attempt(const HttpRequest& request, const Target& target, bool fresh,
                               Attempt& result) {
    try {
        if (target.same_server) co_await sign_in();
        if (settings_.tokens && target.same_server) {
            result.token = co_await settings_.tokens->token();
        }
        auto lines = authorization(target, result);
        co_await ask(request, target, std::move(lines), fresh, result);
    } catch (const PeerFailure& failure) {
        result.failure = failure;
        result.answer.reset();
    }
}

Task<void> HttpClient::ask(const HttpRequest& request, const Target& target,
                           std::string authorization, bool fresh, Attempt& result) {
    const auto limit = limits(request);
    ReplicationMetrics::count(metrics().requests);
    if (target.route.instead) ReplicationMetrics::count(metrics().connections_redirected);
    Slots::Slot slot;
    const bool counted = !request.feed && !request.nested;
    if (counted) slot = co_await connections_.take(*limit.cancellation);
    ConnectionPool::Wish wish;
    wish.counted = counted;
    wish.write = request.write;
    wish.options = settings_.sockets;
    if (request.source != nullptr) wish.idle_max = idle_max_when_streamed;
    if (fresh) wish.idle_max = std::chrono::milliseconds(-1);
    auto lease = co_await parts_.connections.take(target.route, wish, limit);
    result.answer = std::make_unique<HttpAnswer>(std::move(slot), std::move(lease));
    auto& answer = *result.answer;
    auto& connection = answer.lease_.connection();
    const bool with_body = target.method == request.method;  // not after a 303
    try {
        auto head = request_head(request, target, authorization);
        co_await connection.send(std::move(head), with_body ? std::string_view(request.body) : "",
                                 with_body ? request.source : nullptr, request.source_bytes, limit);
        co_await connection.read_head(answer.head, target.method == "HEAD");
    } catch (const PeerFailure& failure) {
        const bool lost = failure.kind() == PeerFailure::Kind::unreachable;
        result.stale = lost && answer.lease_.reused() && connection.nothing_answered() &&
                       request.source == nullptr;
        throw;
    }
}

Task<HttpReply> HttpClient::exchange(const HttpRequest& request, std::size_t body_bytes_max) {
    for (unsigned tries = 0;; ++tries) {
        const auto answer = co_await send(request);
        HttpReply reply{answer->head.status, answer->head.headers, {}};
        const auto bytes_max = reply.status < 300 ? body_bytes_max : refusal_bytes_max;
        std::optional<PeerFailure> failure;
        try {
            reply.body = co_await answer->body(bytes_max);
        } catch (const PeerFailure& caught) {
            failure = caught;
        }
        if (!failure) co_return reply;
        const bool final = request.once || request.source != nullptr || tries >= settings_.retries;
        const auto kind = failure->kind();
        const bool may_change = kind == PeerFailure::Kind::unreachable ||
                                kind == PeerFailure::Kind::malformed;
        if (final || !may_change) throw *failure;
        ReplicationMetrics::count(metrics().retries);
        co_await back_off(tries, cancellation_of(request));
    }
}

}  // namespace divan::replication
