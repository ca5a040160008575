#include "server/http/http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <future>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "storage/base/async/io_loop.h"
#include "server/http/session.h"
#include "storage/base/log.h"

namespace divan::server {
namespace {

constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::chrono::milliseconds stop_poll{5};
constexpr std::chrono::milliseconds abort_grace{3'000};
constexpr int accepted_in_a_row_max = 64;

struct Place {
    std::string address;
    std::uint16_t port;
};

[[noreturn]] void cannot_listen(const Place& place, int error) {
    throw std::runtime_error(fmt::format("cannot listen on {}:{}: {}", place.address, place.port,
                                         std::strerror(error)));
}

struct ListenAddress {
    sockaddr_storage address{};
    socklen_t size = 0;
};

ListenAddress parse_address(const Place& place) {
    ListenAddress result;
    const bool any = place.address == "any" || place.address == "::";
    std::string text = any ? "::" : place.address;
    if (text.size() > 2 && text.front() == '[') text = text.substr(1, text.size() - 2);
    auto* v4 = reinterpret_cast<sockaddr_in*>(&result.address);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.address);
    if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(place.port);
        result.size = sizeof *v4;
    } else if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(place.port);
        result.size = sizeof *v6;
    } else {
        throw std::runtime_error(
            fmt::format("cannot listen on \"{}\": no numeric address", place.address));
    }
    return result;
}

int open_listener(const Place& place) {
    auto wanted = parse_address(place);
    int fd = ::socket(wanted.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 && errno == EAFNOSUPPORT && place.address == "any") {
        Place v4_only = place;
        v4_only.address = "0.0.0.0";
        return open_listener(v4_only);
    }
    if (fd < 0) cannot_listen(place, errno);
    const int on = 1;
    const int off = 0;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (wanted.address.ss_family == AF_INET6) {
        ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (::bind(fd, reinterpret_cast<sockaddr*>(&wanted.address), wanted.size) != 0 ||
        ::listen(fd, SOMAXCONN) != 0) {
        const int error = errno;
        ::close(fd);
        cannot_listen(place, error);
    }
    return fd;
}

}  // namespace

struct HttpServer::Impl {
    struct Worker {
        std::unique_ptr<IoLoop> loop;
        std::unique_ptr<SessionHost> host;
        std::thread thread;
    };
    struct Listener {
        int descriptor;
        std::uint16_t port;
        const TlsContext* tls;         ///< Null: plain TCP.
        std::unique_ptr<Watch> watch;  ///< On the first loop; owns the descriptor.
    };

    HttpOptions options;
    std::vector<std::unique_ptr<Listener>> listeners;  ///< The plain one is the first.
    std::vector<std::unique_ptr<Worker>> workers;
    bool left_behind = false;  ///< Sessions that did not end still point at their loops.

    ~Impl();
    void listen(const Place& place, const TlsContext* tls);
    void accept_some(Listener& listener);
    void wait_for_clients(Listener& listener);
    void stop_accepting();
    void on_every_loop(const std::function<void(SessionHost&)>& work);
    bool wait_until_empty(std::chrono::milliseconds limit) const;
    Worker& least_busy();
};

HttpServer::Impl::~Impl() {
    for (const auto& listener : listeners) {
        if (listener->descriptor >= 0 && !listener->watch) ::close(listener->descriptor);
    }
}

void HttpServer::Impl::listen(const Place& place, const TlsContext* tls) {
    const int descriptor = open_listener(place);
    listeners.push_back(std::make_unique<Listener>(
        Listener{descriptor, address_of(descriptor, false).port, tls, nullptr}));
}

void HttpServer::Impl::wait_for_clients(Listener& listener) {
    if (!listener.watch) return;
    listener.watch->when_readable([this, &listener] { accept_some(listener); });
}

HttpServer::Impl::Worker& HttpServer::Impl::least_busy() {
    const auto fewer = [](const auto& a, const auto& b) {
        return a->host->session_count() < b->host->session_count();
    };
    return **std::min_element(workers.begin(), workers.end(), fewer);
}

// Connections go to the loop with the fewest, so that a handful of busy clients uses every core.
void HttpServer::Impl::accept_some(Listener& listener) {
    for (int i = 0; i < accepted_in_a_row_max; ++i) {
        const int fd =
            ::accept4(listener.descriptor, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) return wait_for_clients(listener);
            if (errno == EINTR || errno == ECONNABORTED) continue;
            log(LogLevel::error, fmt::format("cannot accept: {}", std::strerror(errno)));
            workers.front()->loop->after(accept_pause,
                                         [this, &listener] { wait_for_clients(listener); });
            return;
        }
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        auto& worker = least_busy();
        worker.host->expect_one();
        worker.loop->post([host = worker.host.get(), fd, peer = address_of(fd, true).host,
                           tls = listener.tls] { host->adopt(fd, peer, tls); });
    }
    wait_for_clients(listener);
}

void HttpServer::Impl::stop_accepting() {
    std::promise<void> done;
    workers.front()->loop->post([this, &done] {
        for (auto& listener : listeners) {
            listener->watch.reset();  // closes it
            listener->descriptor = -1;
        }
        done.set_value();
    });
    done.get_future().wait();
}

void HttpServer::Impl::on_every_loop(const std::function<void(SessionHost&)>& work) {
    for (auto& worker : workers) {
        worker->loop->post([host = worker->host.get(), work] { work(*host); });
    }
}

bool HttpServer::Impl::wait_until_empty(std::chrono::milliseconds limit) const {
    const auto end = std::chrono::steady_clock::now() + limit;
    const auto empty = [](const auto& worker) { return worker->host->session_count() == 0; };
    while (!std::all_of(workers.begin(), workers.end(), empty)) {
        if (std::chrono::steady_clock::now() >= end) return false;
        std::this_thread::sleep_for(stop_poll);
    }
    return true;
}

HttpServer::HttpServer(RequestHandler& handler, Metrics& metrics, HttpOptions options)
    : impl_(std::make_unique<Impl>()) {
    impl_->options = std::move(options);
    impl_->listen({impl_->options.address, impl_->options.port}, nullptr);
    if (const auto& tls = impl_->options.tls) {
        impl_->listen({tls->address, tls->port}, tls->context.get());
    }
    auto count = impl_->options.loops;
    if (count == 0) count = std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t i = 0; i < count; ++i) {
        auto worker = std::make_unique<Impl::Worker>();
        worker->loop = IoLoop::create();
        worker->host =
            std::make_unique<SessionHost>(*worker->loop, handler, metrics, impl_->options);
        impl_->workers.push_back(std::move(worker));
    }
}

HttpServer::~HttpServer() {
    if (impl_->workers.front()->thread.joinable()) {
        stop(std::chrono::milliseconds{0});
    }
    if (!impl_->left_behind) return;
    for (auto& worker : impl_->workers) static_cast<void>(worker.release());
}

std::uint16_t HttpServer::port() const {
    return impl_->listeners.front()->port;
}

std::uint16_t HttpServer::tls_port() const {
    return impl_->listeners.size() > 1 ? impl_->listeners.back()->port : std::uint16_t{0};
}

void HttpServer::start() {
    auto& first = *impl_->workers.front();
    for (auto& listener : impl_->listeners) {
        listener->watch = first.loop->watch(listener->descriptor);
    }
    // Every clock is set before the first connection can come to it.
    for (auto& worker : impl_->workers) worker->host->tick();
    for (auto& worker : impl_->workers) {
        worker->thread = std::thread([loop = worker->loop.get()] { loop->run(); });
    }
    first.loop->post([this] {
        for (auto& listener : impl_->listeners) impl_->wait_for_clients(*listener);
    });
}

void HttpServer::stop(std::chrono::milliseconds grace) {
    if (!impl_->workers.front()->thread.joinable()) return;  // never started
    impl_->stop_accepting();
    impl_->on_every_loop([](SessionHost& host) { host.begin_stop(); });
    bool empty = impl_->wait_until_empty(grace);
    if (!empty) {
        impl_->on_every_loop([](SessionHost& host) { host.abort_all(); });
        empty = impl_->wait_until_empty(abort_grace);
    }
    for (auto& worker : impl_->workers) worker->loop->stop();
    for (auto& worker : impl_->workers) worker->thread.join();
    impl_->left_behind = !empty;
    if (!empty) log(LogLevel::error, "some requests did not end in time and were left behind");
}

}  // namespace divan::server
