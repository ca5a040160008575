#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using SSL = struct ssl_st;

namespace divan::replication {

/// A server that says what a test tells it to, byte by byte, and as wrong as it likes.
class ScriptedServer {
public:
    class Connection {
    public:
        Connection(int socket, std::size_t number) : socket_(socket), number_(number) {}
        Connection(const Connection&) = delete;
        ~Connection();

        /// All that follows goes through TLS; false where the peer did not want it. The files are
        /// PEM. Once.
        bool begin_tls(const std::string& certificate, const std::string& key);
        /// 0 for the first that was accepted.
        std::size_t number() const { return number_; }
        /// A request's head and, by its Content-Length, its body; "" where the peer hung up.
        std::string request();
        std::string head();  ///< Without the body.
        /// So many bytes, or fewer at the end.
        std::string bytes(std::size_t count);
        void send(std::string_view bytes);
        /// A whole answer.
        void answer(std::string_view status, std::string_view body,
                    std::string_view headers = {});
        /// Becomes a pipe to a port of this machine until one side ends: what a proxy does.
        void relay(std::uint16_t port);
        /// Ends the connection with a reset.
        void reset();

    private:
        long receive(char* into, std::size_t size);

        int socket_;
        std::size_t number_;
        std::shared_ptr<SSL> tls_;
        std::string buffer_;
    };
    using Script = std::function<void(Connection&)>;

    /// `script` plays each connection, on a thread of its own.
    explicit ScriptedServer(Script script);
    ~ScriptedServer();

    std::uint16_t port() const { return port_; }
    std::string url(std::string_view path = "/db") const;
    std::size_t connections() const { return count_; }

private:
    void accept_all();

    Script script_;
    int listener_;
    std::uint16_t port_ = 0;
    std::atomic<std::size_t> count_{0};
    std::mutex mutex_;
    std::vector<std::thread> players_;
    std::vector<int> sockets_;
    std::thread acceptor_;
};

}  // namespace divan::replication
