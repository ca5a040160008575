#include "replication/http/route.h"

#include <fmt/format.h>

#include "replication/http/failures.h"
#include "replication/http/socks.h"
#include "storage/base/async/connect.h"
#include "storage/base/digest.h"

namespace divan::replication {
namespace {

std::string bracketed(const std::string& host) {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

Task<int> dial(IoLoop& loop, WorkPool& pool, const Route& route, const SocketOptions& options,
               ExchangeLimits limits) {
    std::string host = route.proxy ? route.proxy->host : route.host;
    std::uint16_t port = route.proxy ? route.proxy->port : route.port;
    if (route.instead) {
        host = route.instead->host;
        port = route.instead->port;
    }
    int descriptor = -1;
    try {
        auto addresses =
            co_await resolve(pool, host, port, limits.silence, *limits.cancellation);
        if (limits.cancellation->requested()) throw cancelled();
        descriptor = co_await connect_tcp(loop, std::move(addresses), options,
                                          limits.silence, *limits.cancellation);
    } catch (const ConnectFailure& failure) {
        throw unreachable("connection_failed", fmt::format("no connection with {}:{}: {}",
                                                           bracketed(host), port,
                                                           failure.what()));
    }
    if (descriptor < 0) throw cancelled();
    co_return descriptor;
}

Task<std::unique_ptr<HttpConnection>> begin_tls(IoLoop& loop, TlsClient& tls,
                                                std::unique_ptr<HttpConnection> below,
                                                const std::string& host, ExchangeLimits limits) {
    auto connection =
        std::make_unique<HttpConnection>(tls.make_socket(loop, below->take_socket(), host));
    try {
        co_await connection->shake_hands(limits);
    } catch (const PeerFailure& failure) {
        if (failure.error() != "tls") throw;
        throw unreachable("tls", fmt::format("no TLS connection with {}: {}", host,
                                             tls.last_failure()));
    }
    co_return connection;
}

Task<void> ask_for_tunnel(HttpConnection& connection, const Route& route, ExchangeLimits limits) {
    const auto target = fmt::format("{}:{}", bracketed(route.host), route.port);
    auto head = fmt::format("CONNECT {} HTTP/1.1\r\nHost: {}\r\n", target, target);
    const auto& proxy = *route.proxy;
    if (proxy.has_userinfo) {
        head += "Proxy-Authorization: " +
                basic_authorization(percent_decode(proxy.user, false),
                                    percent_decode(proxy.password, false)) +
                "\r\n";
    }
    head += "\r\n";
    co_await connection.send_raw(head, limits);
    AnswerHead answer;
    co_await connection.read_head(answer, true);
    if (answer.status / 100 != 2 || connection.has_unread()) {
        throw unreachable("proxy", fmt::format("the proxy answered {}", answer.status));
    }
}

bool is_socks(const Route& route) {
    return route.proxy && route.proxy->scheme == "socks5";
}

}  // namespace

std::string basic_authorization(std::string_view user, std::string_view password) {
    return "Basic " + base64_encode(fmt::format("{}:{}", user, password));
}

std::string Route::key() const {
    auto text = fmt::format("{}://{}:{}", tls ? "https" : "http", host, port);
    if (proxy) {
        text += fmt::format(" {}://{}:{}@{}:{}", proxy->scheme, proxy->user, proxy->password,
                            proxy->host, proxy->port);
    }
    if (instead) text += fmt::format(" by {} {}", instead->host, instead->port);
    return text;
}

std::string Route::authority() const {
    const int usual = tls ? 443 : 80;
    if (port == usual) return bracketed(host);
    return fmt::format("{}:{}", bracketed(host), port);
}

bool Route::asks_proxy() const {
    return proxy && !tls && !is_socks(*this);
}

Route route_to(const Url& url, const std::string& proxy, const std::vector<ConnectTo>& overrides) {
    if (url.scheme != "http" && url.scheme != "https") {
        throw rejected("bad_url", "no http or https address");
    }
    Route route{url.scheme == "https", url.host, url.port, std::nullopt, std::nullopt};
    if (proxy.empty()) {
        route.instead = find_override(overrides, url.host, url.port);
        return route;
    }
    route.proxy = parse_url(proxy);
    if (!route.proxy) throw rejected("bad_proxy", "the proxy's address is none");
    const auto& scheme = route.proxy->scheme;
    if (scheme != "http" && scheme != "https" && scheme != "socks5") {
        throw rejected("bad_proxy", "no http, https or socks5 proxy");
    }
    return route;
}

Task<std::unique_ptr<HttpConnection>> open_connection(IoLoop& loop, WorkPool& pool, TlsClient& tls,
                                                      const Route& route,
                                                      const SocketOptions& options,
                                                      ExchangeLimits limits) {
    const int descriptor = co_await dial(loop, pool, route, options, limits);
    auto connection = std::make_unique<HttpConnection>(make_tcp_socket(loop, descriptor));
    if (route.proxy && route.proxy->scheme == "https") {
        auto secure = co_await begin_tls(loop, tls, std::move(connection), route.proxy->host,
                                         limits);
        connection = std::move(secure);
    }
    if (is_socks(route)) {
        co_await ask_socks(*connection, *route.proxy, route.host, route.port, limits);
    } else if (route.proxy && !route.asks_proxy()) {
        co_await ask_for_tunnel(*connection, route, limits);
    }
    if (!route.tls) co_return connection;
    auto secure = co_await begin_tls(loop, tls, std::move(connection), route.host, limits);
    co_return secure;
}

}  // namespace divan::replication
