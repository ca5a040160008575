#include "storage/base/async/socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace divan {
namespace {

class TcpSocket : public Socket {
public:
    TcpSocket(IoLoop& loop, int descriptor)
        : descriptor_(descriptor), watch_(loop.watch(descriptor)) {}

    Io read(char* into, std::size_t size) override {
        while (true) {
            const auto count = ::recv(descriptor_, into, size, 0);
            if (count > 0) return {Outcome::done, static_cast<std::size_t>(count)};
            if (count == 0) return {Outcome::closed, 0};
            if (errno == EINTR) continue;
            const bool wait = errno == EAGAIN || errno == EWOULDBLOCK;
            return {wait ? Outcome::would_block : Outcome::closed, 0};
        }
    }

    Outcome write(Outgoing& out) override {
        while (out.size() > 0) {
            std::array<iovec, 4> parts{};
            std::size_t used = 0;
            for (const auto& piece : out.pieces) {
                if (piece.empty()) continue;
                parts[used++] = {const_cast<char*>(piece.data()), piece.size()};
            }
            msghdr message{};
            message.msg_iov = parts.data();
            message.msg_iovlen = used;
            const auto count = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
            if (count >= 0) {
                out.consume(static_cast<std::size_t>(count));
                continue;
            }
            if (errno == EINTR) continue;
            const bool wait = errno == EAGAIN || errno == EWOULDBLOCK;
            return wait ? Outcome::would_block : Outcome::closed;
        }
        return Outcome::done;
    }

    void when_readable(std::function<void()> then) override {
        watch_->when_readable(std::move(then));
    }
    void when_writable(std::function<void()> then) override {
        watch_->when_writable(std::move(then));
    }
    int descriptor() const override { return descriptor_; }
    void end_sending() override { ::shutdown(descriptor_, SHUT_WR); }
    void abort() override { ::shutdown(descriptor_, SHUT_RDWR); }
    bool secure() const override { return false; }
    std::string local_address() const override {
        const auto local = address_of(descriptor_, false);
        return fmt::format("{}:{}", local.host, local.port);
    }

private:
    int descriptor_;
    std::unique_ptr<Watch> watch_;
};

}  // namespace

void Outgoing::consume(std::size_t count) {
    for (auto& piece : pieces) {
        const auto part = std::min(count, piece.size());
        piece.remove_prefix(part);
        count -= part;
    }
}

AddressText address_of(int descriptor, bool peer) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    const int result = peer ? ::getpeername(descriptor, raw, &size)
                            : ::getsockname(descriptor, raw, &size);
    if (result != 0) return {};
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(raw);
        inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
        return {text.data(), ntohs(v4->sin_port)};
    }
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(raw);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text.data(), text.size());
        return {text.data(), ntohs(v6->sin6_port)};
    }
    inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    return {fmt::format("[{}]", text.data()), ntohs(v6->sin6_port)};
}

std::unique_ptr<Socket> make_tcp_socket(IoLoop& loop, int descriptor) {
    return std::make_unique<TcpSocket>(loop, descriptor);
}

}  // namespace divan
