#include "test/replication/http/scripted_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

namespace divan::replication {

ScriptedServer::Connection::~Connection() {
    ::shutdown(socket_, SHUT_WR);
    std::array<char, 4096> rest;
    while (::recv(socket_, rest.data(), rest.size(), MSG_DONTWAIT) > 0) {
    }
}

bool ScriptedServer::Connection::begin_tls(const std::string& certificate,
                                           const std::string& key) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_server_method()),
                                                               &SSL_CTX_free);
    SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM);
    tls_.reset(SSL_new(context.get()), &SSL_free);
    SSL_set_fd(tls_.get(), socket_);
    return SSL_accept(tls_.get()) == 1;
}

long ScriptedServer::Connection::receive(char* into, std::size_t size) {
    if (tls_) return SSL_read(tls_.get(), into, static_cast<int>(size));
    return ::recv(socket_, into, size, 0);
}

std::string ScriptedServer::Connection::bytes(std::size_t count) {
    while (buffer_.size() < count) {
        std::array<char, 65536> piece;
        const auto got = receive(piece.data(), piece.size());
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
        const auto got = receive(piece.data(), piece.size());
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
        const long sent = tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
                               : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
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
            while (open && (ends[0].revents != 0 || (tls_ && SSL_pending(tls_.get()) > 0))) {
                ends[0].revents = 0;
                const auto got = receive(piece.data(), piece.size());
                open = got > 0;
                if (open) ::send(other, piece.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
            }
            if (!open || ends[1].revents == 0) continue;
            const auto got = ::recv(other, piece.data(), piece.size(), 0);
            open = got > 0;
            if (open) send(std::string_view(piece.data(), static_cast<std::size_t>(got)));
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
