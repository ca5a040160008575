#include <fmt/format.h>

#include <algorithm>

#include "replication/http/client.h"
#include "replication/http/failures.h"
#include "replication/http/headers.h"

namespace divan::replication {
namespace {

constexpr std::size_t session_answer_bytes_max = 64 * 1024;

std::chrono::steady_clock::time_point now() {
    return std::chrono::steady_clock::now();
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

bool names(const HttpHeaders& headers, std::string_view name) {
    return std::any_of(headers.begin(), headers.end(),
                       [name](const auto& header) { return same_header(header.name, name); });
}

bool is_secret(std::string_view name) {
    return same_header(name, "authorization") || same_header(name, "cookie");
}

}  // namespace

std::string HttpClient::request_head(const HttpRequest& request, const Target& target,
                                     const std::string& authorization) const {
    std::string head = target.method + " ";
    if (target.route.asks_proxy()) head += "http://" + target.route.authority();
    head += target.path + " HTTP/1.1\r\n";
    append_headers(head, request, target);
    const auto& proxy = target.route.proxy;
    if (target.route.asks_proxy() && proxy->has_userinfo) {
        append_header(head, "Proxy-Authorization",
                      basic_authorization(percent_decode(proxy->user, false),
                                          percent_decode(proxy->password, false)));
    }
    head += authorization;
    if (target.method != request.method) return head + "\r\n";
    if (request.source != nullptr && !request.source_bytes) {
        append_header(head, "Transfer-Encoding", "chunked");
    } else if (request.source != nullptr) {
        append_header(head, "Content-Length", std::to_string(*request.source_bytes));
    } else if (!request.body.empty() || target.method == "POST" || target.method == "PUT") {
        append_header(head, "Content-Length", std::to_string(request.body.size()));
    }
    return head + "\r\n";
}

void HttpClient::append_headers(std::string& out, const HttpRequest& request,
                                const Target& target) const {
    const auto add_default = [&](std::string_view name, std::string_view value) {
        if (names(request.headers, name) || names(headers_, name)) return;
        append_header(out, name, value);
    };
    add_default("Host", target.route.authority());
    add_default("User-Agent", "Divan-Replicator/" DIVAN_VERSION);
    add_default("Accept", "application/json");
    add_default("Accept-Encoding", "gzip");
    for (const auto& header : headers_) {
        if (names(request.headers, header.name)) continue;
        if (!target.same_server && (is_secret(header.name) || same_header(header.name, "host"))) {
            continue;
        }
        append_header(out, header.name, header.value);
    }
    if (!target.same_server && names(headers_, "host")) {
        append_header(out, "Host", target.route.authority());
    }
    for (const auto& header : request.headers) append_header(out, header.name, header.value);
}

std::string HttpClient::authorization(const Target& target, Attempt& result) const {
    std::string line;
    if (result.token) append_header(line, "Authorization", "Bearer " + *result.token);
    if (!credentials_ || !target.same_server) return line;
    if (session_ && session_->state() == PeerSession::State::active) {
        result.epoch = session_->epoch();
        append_header(line, "Cookie", session_->cookie_header());
    } else {
        append_header(line, "Authorization",
                      basic_authorization(credentials_->user, credentials_->password));
    }
    return line;
}

Task<void> HttpClient::open_session(bool with_basic, Attempt& result) {
    HttpRequest request;
    request.method = "POST";
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    request.body = "name=" + quote_plus(credentials_->user) +
                   "&password=" + quote_plus(credentials_->password);
    std::string line;
    if (with_basic) {
        append_header(line, "Authorization",
                      basic_authorization(credentials_->user, credentials_->password));
    }
    const Target target{route_, "/_session", "POST", true};
    co_await ask(request, target, line, false, result);
    if (!result.answer) co_return;
    co_await result.answer->body(session_answer_bytes_max);
}

// couch_replicator_auth_session:init_state/1 and refresh/1. What is neither a session nor a refusal
// is taken for a server without sessions.
Task<void> HttpClient::sign_in() {
    if (!session_ || !session_->due(now())) co_return;
    const auto turn = co_await session_->lock().take(cancellation_);
    if (!session_->due(now())) co_return;
    Attempt result;
    co_await open_session(false, result);
    if (result.answer->head.status == 401 &&
        !header_of(result.answer->head.headers, "www-authenticate").empty()) {
        result.answer.reset();
        co_await open_session(true, result);
    }
    const auto& head = result.answer->head;
    const int status = head.status;
    if (status == 401) {
        throw PeerFailure(PeerFailure::Kind::unauthorized, "unauthorized",
                          "name or password is refused by " + name_, status);
    }
    if (status == 403) {
        throw PeerFailure(PeerFailure::Kind::forbidden, "forbidden",
                          "a session is refused by " + name_, status);
    }
    if (status == 429) parts_.limiter.refused(route_.key(), now());
    if (status == 408 || status == 429 || (status >= 500 && status != 501)) {
        throw unreachable("session", fmt::format("{} answered {} to a session", name_, status),
                          status);
    }
    if (status != 200 || !session_->take_cookie(head.headers, now(), parts_.settings)) {
        session_->use_basic();
    }
}

}  // namespace divan::replication
