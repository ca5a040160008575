#include "test/support/http_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace divan::test {

std::string Reply::header(std::string_view name) const {
    for (const auto& [its_name, value] : headers) {
        if (its_name == name) return value;
    }
    return {};
}

std::ostream& operator<<(std::ostream& out, const Reply& reply) {
    return out << reply.status << ' ' << reply.body;
}

struct HttpClient::Tls {
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context{SSL_CTX_new(TLS_client_method()),
                                                         &SSL_CTX_free};
    std::unique_ptr<SSL, void (*)(SSL*)> connection{nullptr, &SSL_free};
};

HttpClient::HttpClient(std::uint16_t port, std::chrono::milliseconds limit)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval wait{limit.count() / 1000, (limit.count() % 1000) * 1000};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        ::close(socket_);
        throw std::runtime_error("cannot connect");
    }
}

HttpClient::HttpClient(std::uint16_t port, const ClientTls& tls, std::chrono::milliseconds limit)
    : HttpClient(port, limit) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    auto made = std::make_unique<Tls>();
    SSL_CTX* context = made->context.get();
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_load_verify_locations(context, tls.trusted_file.c_str(), nullptr);
    if (tls.version_max != 0) {
        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_min_proto_version(context, 0);
        SSL_CTX_set_max_proto_version(context, tls.version_max);
    }
    if (!tls.own_file.empty()) {
        SSL_CTX_use_certificate_file(context, tls.own_file.c_str(), SSL_FILETYPE_PEM);
        SSL_CTX_use_PrivateKey_file(context, tls.own_key_file.c_str(), SSL_FILETYPE_PEM);
    }
    made->connection.reset(SSL_new(context));
    SSL_set_fd(made->connection.get(), socket_);
    if (SSL_connect(made->connection.get()) != 1) throw std::runtime_error("no TLS");
    tls_ = std::move(made);
}

std::string HttpClient::tls_version() const {
    return tls_ ? SSL_get_version(tls_->connection.get()) : "";
}

HttpClient::~HttpClient() {
    hang_up();
}

void HttpClient::hang_up() {
    if (tls_ && socket_ >= 0) SSL_shutdown(tls_->connection.get());
    tls_.reset();
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
}

void HttpClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto count =
            tls_ ? SSL_write(tls_->connection.get(), bytes.data(), static_cast<int>(bytes.size()))
                 : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) throw std::runtime_error("cannot send");
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

void HttpClient::fill() {
    std::array<char, 65536> bytes;
    ssize_t count = 0;
    do {  // a process that is halted and goes on interrupts a wait that has a limit
        errno = 0;
        count = tls_ ? SSL_read(tls_->connection.get(), bytes.data(),
                                static_cast<int>(bytes.size()))
                     : ::recv(socket_, bytes.data(), bytes.size(), 0);
    } while (count < 0 && errno == EINTR);
    if (count == 0) throw std::runtime_error("the server hung up");
    if (count < 0) throw std::runtime_error("no answer in time, or a reset");
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
}

std::string HttpClient::take(std::size_t count) {
    while (buffer_.size() < count) fill();
    auto taken = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return taken;
}

std::string HttpClient::receive_line() {
    while (buffer_.find('\n') == std::string::npos) fill();
    return take(buffer_.find('\n') + 1);
}

bool HttpClient::at_end() {
    try {
        while (true) {
            buffer_.clear();
            fill();
        }
    } catch (const std::runtime_error&) {
        char byte = 0;
        return ::recv(socket_, &byte, 1, MSG_DONTWAIT) == 0;
    }
}

Reply HttpClient::receive_head() {
    Reply reply;
    const auto first = receive_line();
    if (!first.starts_with("HTTP/1.1 ")) throw std::runtime_error("no answer: " + first);
    reply.status = std::stoi(first.substr(9, 3));
    while (true) {
        auto line = receive_line();
        line.resize(line.size() - 2);
        if (line.empty()) return reply;
        const auto colon = line.find(": ");
        auto name = line.substr(0, colon);
        std::transform(name.begin(), name.end(), name.begin(),
                       [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
        reply.headers.emplace_back(std::move(name), line.substr(colon + 2));
    }
}

Reply HttpClient::receive(bool head) {
    auto reply = receive_head();
    if (head || reply.status == 304 || reply.status == 204 || reply.status < 200) return reply;
    if (reply.header("transfer-encoding") == "chunked") {
        while (true) {
            const auto size = std::stoul(receive_line(), nullptr, 16);
            reply.body += take(size);
            take(2);
            if (size == 0) return reply;
        }
    }
    const auto length = reply.header("content-length");
    if (!length.empty()) {
        reply.body = take(std::stoul(length));
        return reply;
    }
    try {  // until the server closes
        while (true) fill();
    } catch (const std::runtime_error&) {
        reply.body = std::exchange(buffer_, {});
    }
    return reply;
}

Reply HttpClient::request(std::string_view method, std::string_view target, std::string_view body,
                          const Headers& headers) {
    std::string text(method);
    text.append(" ").append(target).append(" HTTP/1.1\r\n");
    const bool named = std::any_of(headers.begin(), headers.end(),
                                   [](const auto& header) { return header.first == "Host"; });
    if (!named) text.append("Host: localhost\r\n");
    for (const auto& [name, value] : headers) {
        text.append(name).append(": ").append(value).append("\r\n");
    }
    const bool has_body = !body.empty() || method == "PUT" || method == "POST";
    if (has_body) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text.append("\r\n").append(body);
    send(text);
    return receive(method == "HEAD");
}

}  // namespace divan::test
