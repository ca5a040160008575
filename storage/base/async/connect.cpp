#include "storage/base/async/connect.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>

namespace divan {
namespace {

std::optional<SocketAddress> numeric_address(const std::string& host, std::uint16_t port) {
    SocketAddress address;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        address.bytes = sizeof *v4;
        return address;
    }
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        address.bytes = sizeof *v6;
        return address;
    }
    return std::nullopt;
}

// Shared by who waits and by the pool's thread, which may come later than that.
struct Lookup {
    std::mutex mutex;
    bool done = false;
    int error = 0;
    std::vector<SocketAddress> found;
};

void look_up(Lookup& lookup, const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    std::vector<SocketAddress> found;
    for (const auto* item = list; error == 0 && item != nullptr; item = item->ai_next) {
        if (item->ai_addrlen > sizeof(sockaddr_storage)) continue;
        auto& address = found.emplace_back();
        std::memcpy(&address.storage, item->ai_addr, item->ai_addrlen);
        address.bytes = item->ai_addrlen;
    }
    if (list != nullptr) freeaddrinfo(list);
    const std::lock_guard lock(lookup.mutex);
    lookup.done = true;
    lookup.error = error;
    lookup.found = std::move(found);
}

// Sizes count before the connection begins: they decide on the window that is offered.
void apply(const SocketOptions& options, int descriptor) {
    const auto set = [descriptor](const char* name, int level, int option, int value) {
        if (::setsockopt(descriptor, level, option, &value, sizeof value) == 0) return;
        const int error = errno;
        ::close(descriptor);
        throw ConnectFailure(fmt::format("socket option {}: {}", name, std::strerror(error)));
    };
    set("nodelay", IPPROTO_TCP, TCP_NODELAY, options.nodelay ? 1 : 0);
    set("keepalive", SOL_SOCKET, SO_KEEPALIVE, options.keepalive ? 1 : 0);
    if (options.priority) set("priority", SOL_SOCKET, SO_PRIORITY, *options.priority);
    if (options.send_buffer) set("sndbuf", SOL_SOCKET, SO_SNDBUF, *options.send_buffer);
    if (options.receive_buffer) set("recbuf", SOL_SOCKET, SO_RCVBUF, *options.receive_buffer);
}

// Sets `error` to 0, EINPROGRESS, or why there is no descriptor.
int start_connect(const SocketAddress& address, const SocketOptions& options, int& error) {
    const int descriptor =
        ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        error = errno;
        return -1;
    }
    apply(options, descriptor);
    const auto* raw = reinterpret_cast<const sockaddr*>(&address.storage);
    error = ::connect(descriptor, raw, address.bytes) == 0 ? 0 : errno;
    if (error == 0 || error == EINPROGRESS) return descriptor;
    ::close(descriptor);
    return -1;
}

// Takes `descriptor`, and gives it back where it returns 0.
Task<int> wait_until_connected(IoLoop& loop, int descriptor, std::chrono::milliseconds limit,
                               Cancellation& cancellation) {
    const auto watch = loop.watch(descriptor);
    Signal wake;
    const Cancellation::Hook hook(cancellation, wake);
    watch->when_writable(wake.ringer());
    const bool rung = co_await wake.wait(limit);
    if (cancellation.requested()) co_return ECANCELED;
    if (!rung) co_return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error == 0) watch->release();
    co_return error;
}

}  // namespace

Task<std::vector<SocketAddress>> resolve(WorkPool& pool, std::string host, std::uint16_t port,
                                         std::chrono::milliseconds limit,
                                         Cancellation& cancellation) {
    if (const auto address = numeric_address(host, port)) {
        co_return std::vector<SocketAddress>{*address};
    }
    const auto lookup = std::make_shared<Lookup>();
    Signal wake;
    const Cancellation::Hook hook(cancellation, wake);
    pool.post([lookup, host, port, ring = wake.ringer()] {
        look_up(*lookup, host, port);
        ring();
    });
    while (true) {
        const bool rung = co_await wake.wait(limit);
        if (cancellation.requested()) co_return std::vector<SocketAddress>{};
        if (!rung) throw ConnectFailure(fmt::format("{}: no answer from name service", host));
        const std::lock_guard lock(lookup->mutex);
        if (!lookup->done) continue;
        if (lookup->error != 0 || lookup->found.empty()) {
            throw ConnectFailure(fmt::format("{}: {}", host, gai_strerror(lookup->error)));
        }
        co_return std::move(lookup->found);
    }
}

Task<int> connect_tcp(IoLoop& loop, std::vector<SocketAddress> addresses, SocketOptions options,
                      std::chrono::milliseconds limit, Cancellation& cancellation) {
    int error = EADDRNOTAVAIL;
    for (const auto& address : addresses) {
        const int descriptor = start_connect(address, options, error);
        if (descriptor < 0) continue;
        if (error == EINPROGRESS) {
            error = co_await wait_until_connected(loop, descriptor, limit, cancellation);
        }
        if (error == 0) co_return descriptor;
        if (error == ECANCELED) co_return -1;
    }
    throw ConnectFailure(std::strerror(error));
}

}  // namespace divan
