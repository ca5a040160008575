#include "test/replication/http/scripted_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace divan::replication {

ScriptedServer::Connection::~Connection() {
    ::shutdown(socket_, SHUT_WR);
    std::array<char, 4096> rest;
    while (::recv(socket_, rest.data(), rest.size(), MSG_DONTWAIT) > 0) {
    }
}

std::string ScriptedServer::Connection::bytes(std::size_t count) {
    while (buffer_.size() < count) {
        std::array<char, 65536> piece;
        const auto got = ::recv(socket_, piece.data(), piece.size(), 0);
        if (got <= 0) break;
        buffer_.append(piece.data(), static_cast<std::size_t>(got));
    }
    auto taken = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return taken;
}

std::string ScriptedServer::Connection::head() {
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
        std::array<char, 65536> piece;
        const auto got = ::recv(socket_, piece.data(), piece.size(), 0);
        if (got <= 0) return {};
        buffer_.append(piece.data(), static_cast<std::size_t>(got));
    }
    return bytes(buffer_.find("\r\n\r\n") + 4);
}

std::string ScriptedServer::Connection::request() {
    auto text = head();
    constexpr std::string_view length = "Content-Length: ";
    const auto at = text.find(length);
    if (at == std::string::npos) return text;
    return text + bytes(std::stoul(text.substr(at + length.size())));
}

void ScriptedServer::Connection::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void ScriptedServer::Connection::answer(std::string_view status, std::string_view body,
                                        std::string_view headers) {
    send(fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), headers,
                     body));
}

void ScriptedServer::Connection::relay(std::uint16_t port) {
    const int other = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(other, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
        std::array<pollfd, 2> ends{{{socket_, POLLIN, 0}, {other, POLLIN, 0}}};
        std::array<char, 65536> piece;
        for (bool open = true; open && ::poll(ends.data(), 2, -1) > 0;) {
            for (std::size_t i = 0; i < 2; ++i) {
                if (ends[i].revents == 0) continue;
                const auto got = ::recv(ends[i].fd, piece.data(), piece.size(), 0);
                open = open && got > 0;
                if (got <= 0) continue;
                const auto count = static_cast<std::size_t>(got);
                ::send(ends[1 - i].fd, piece.data(), count, MSG_NOSIGNAL);
            }
        }
    }
    ::close(other);
}

void ScriptedServer::Connection::reset() {
    const linger hard{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

ScriptedServer::ScriptedServer(Script script)
    : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    const bool good = ::bind(listener_, raw, size) == 0 && ::listen(listener_, 64) == 0 &&
                      ::getsockname(listener_, raw, &size) == 0;
    if (!good) throw std::runtime_error("no port for a scripted server");
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
        const std::lock_guard lock(mutex_);
        for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    }
    for (auto& player : players_) player.join();
    for (const int socket : sockets_) ::close(socket);
    ::close(listener_);
}

std::string ScriptedServer::url(std::string_view path) const {
    return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

void ScriptedServer::accept_all() {
    while (true) {
        const int socket = ::accept(listener_, nullptr, nullptr);
        if (socket < 0) return;
        const std::lock_guard lock(mutex_);
        sockets_.push_back(socket);
        const auto number = count_++;
        players_.emplace_back([this, socket, number] {
            Connection connection(socket, number);
            script_(connection);
        });
    }
}

}  // namespace divan::replication
