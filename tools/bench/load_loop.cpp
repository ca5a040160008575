#include "tools/bench/load_loop.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <boost/url/parse.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace divan::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Owns a file descriptor.
class Descriptor {
public:
    explicit Descriptor(int number = -1) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int get() const { return number_; }

private:
    int number_;
};

std::runtime_error failure(const Target& target, std::string_view what) {
    return std::runtime_error(fmt::format("{}: {}", target.url, what));
}

Descriptor connect_to(const Target& target) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(target.port);
    if (const int error = ::getaddrinfo(target.host.c_str(), port.c_str(), &hints, &found)) {
        throw failure(target, ::gai_strerror(error));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, ::freeaddrinfo);
    int error = ECONNREFUSED;
    for (const addrinfo* at = list.get(); at != nullptr; at = at->ai_next) {
        Descriptor socket(::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0));
        if (socket.get() < 0 || ::connect(socket.get(), at->ai_addr, at->ai_addrlen) != 0) {
            error = errno;
            continue;
        }
        const int yes = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        return socket;
    }
    throw failure(target, std::strerror(error));
}

struct Client {
    Descriptor socket;
    Exchange exchange;
    ReplyParser reply;
    std::size_t sent = 0;
    bool wants_write = false;
    bool busy = false;
    bool sent_twice = false;
    Clock::time_point started;
};

class Loop {
public:
    Loop(const Target& target, std::size_t clients, Work& work, std::chrono::seconds patience)
        : target_(target), work_(work), patience_(patience), clients_(clients),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(256U << 10) {
        if (epoll_.get() < 0) throw failure(target, std::strerror(errno));
    }

    void run() {
        for (std::size_t i = 0; i < clients_.size(); ++i) {
            connect(i);
            begin(i);
        }
        std::array<epoll_event, 64> events{};
        while (busy_ > 0) {
            const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(),
                                           static_cast<int>(patience_.count() * 1000));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) throw failure(target_, std::strerror(errno));
            if (count == 0) throw failure(target_, "no answer in time");
            for (int i = 0; i < count; ++i) {
                const std::size_t client = events[static_cast<std::size_t>(i)].data.u64;
                if (events[static_cast<std::size_t>(i)].events & EPOLLOUT) send(client);
                if (events[static_cast<std::size_t>(i)].events & ~EPOLLOUT) receive(client);
            }
        }
    }

private:
    void connect(std::size_t i) {
        clients_[i].socket = connect_to(target_);
        clients_[i].wants_write = false;
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = i;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, clients_[i].socket.get(), &event) != 0) {
            throw failure(target_, std::strerror(errno));
        }
    }

    void begin(std::size_t i) {
        Client& client = clients_[i];
        if (!work_.next(i, client.exchange)) {
            if (std::exchange(client.busy, false)) --busy_;
            return;
        }
        if (!std::exchange(client.busy, true)) ++busy_;
        client.reply.start(client.exchange.keep_body);
        client.sent = 0;
        client.sent_twice = false;
        client.started = Clock::now();
        send(i);
    }

    void send(std::size_t i) {
        Client& client = clients_[i];
        const Exchange& exchange = client.exchange;
        const std::size_t all = exchange.head.size() + exchange.body.size();
        while (client.sent < all) {
            std::array<iovec, 2> parts{};
            std::size_t count = 0;
            if (client.sent < exchange.head.size()) {
                parts[count++] = {const_cast<char*>(exchange.head.data()) + client.sent,
                                  exchange.head.size() - client.sent};
            }
            const std::size_t at = client.sent - std::min(client.sent, exchange.head.size());
            if (at < exchange.body.size()) {
                parts[count++] = {const_cast<char*>(exchange.body.data()) + at,
                                  exchange.body.size() - at};
            }
            msghdr message{};
            message.msg_iov = parts.data();
            message.msg_iovlen = count;
            const auto size =
                ::sendmsg(client.socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (size < 0 && errno == EINTR) continue;
            if (size < 0 && errno == EAGAIN) return watch(i, true);
            if (size < 0) return lost(i);
            client.sent += static_cast<std::size_t>(size);
        }
        watch(i, false);
    }

    void watch(std::size_t i, bool write) {
        if (std::exchange(clients_[i].wants_write, write) == write) return;
        epoll_event event{};
        event.events = write ? EPOLLIN | EPOLLOUT : EPOLLIN;
        event.data.u64 = i;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, clients_[i].socket.get(), &event);
    }

    void receive(std::size_t i) {
        Client& client = clients_[i];
        const auto size =
            ::recv(client.socket.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (!client.busy) return reconnect(i);
        if (size <= 0) {
            if (client.reply.closed() == ReplyParser::State::done) return finish(i, true);
            return lost(i);
        }
        std::string_view bytes(buffer_.data(), static_cast<std::size_t>(size));
        switch (client.reply.feed(bytes)) {
            case ReplyParser::State::more: return;
            case ReplyParser::State::done: return finish(i, !client.reply.keep_alive());
            case ReplyParser::State::broken: throw failure(target_, "the reply is not HTTP/1.1");
        }
    }

    // An idle connection may have been closed just before the request went out: asked once more.
    void lost(std::size_t i) {
        Client& client = clients_[i];
        if (client.sent_twice || !client.reply.untouched()) {
            throw failure(target_, "the connection was closed before the reply was complete");
        }
        client.sent_twice = true;
        reconnect(i);
        client.sent = 0;
        send(i);
    }

    void reconnect(std::size_t i) {
        clients_[i].socket = Descriptor();
        connect(i);
    }

    void finish(std::size_t i, bool is_closed) {
        const auto latency = Clock::now() - clients_[i].started;
        work_.done(i, clients_[i].reply, latency);
        if (is_closed) reconnect(i);
        begin(i);
    }

    const Target& target_;
    Work& work_;
    const std::chrono::seconds patience_;
    std::vector<Client> clients_;
    Descriptor epoll_;
    std::vector<char> buffer_;
    std::size_t busy_ = 0;
};

std::string base64(std::string_view bytes) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            const bool inside = i + k < bytes.size();
            group = group << 8 | (inside ? static_cast<std::uint8_t>(bytes[i + k]) : 0);
        }
        for (std::size_t k = 0; k < 4; ++k) {
            out += i + k <= bytes.size() ? digits[group >> (18 - 6 * k) & 63] : '=';
        }
    }
    return out;
}

class OneCall : public Work {
public:
    OneCall(std::string head, std::string_view body) : head_(std::move(head)), body_(body) {}
    bool next(std::size_t, Exchange& exchange) override {
        if (std::exchange(asked_, true)) return false;
        exchange = {head_, body_, true};
        return true;
    }
    void done(std::size_t, const ReplyParser& reply, std::chrono::nanoseconds) override {
        status = reply.status();
        answer = reply.body();
        cookie = reply.cookie();
    }
    int status = 0;
    std::string answer;
    std::string cookie;

private:
    std::string head_;
    std::string_view body_;
    bool asked_ = false;
};

}  // namespace

Target Target::parse(const std::string& url) {
    const auto parsed = boost::urls::parse_uri(url);
    if (!parsed || parsed->scheme() != "http" || parsed->host().empty()) {
        throw std::invalid_argument(
            fmt::format("{}: an address looks like http://name:password@127.0.0.1:5984", url));
    }
    Target target;
    target.host = parsed->host_address();
    target.port = parsed->has_port() ? parsed->port_number() : 80;
    target.prefix = parsed->path();
    while (target.prefix.ends_with('/')) target.prefix.pop_back();
    target.url = fmt::format("http://{}:{}{}", target.host, target.port, target.prefix);
    if (parsed->has_userinfo()) {
        target.authorization = fmt::format(
            "Authorization: Basic {}\r\n", base64(parsed->user() + ":" + parsed->password()));
        target.sign_in = boost::json::serialize(
            boost::json::object{{"name", parsed->user()}, {"password", parsed->password()}});
    }
    return target;
}

std::string Target::head(std::string_view method, std::string_view path,
                         std::string_view content_type, std::size_t body_bytes) const {
    std::string out = fmt::format("{} {}{} HTTP/1.1\r\nHost: {}:{}\r\n{}Accept: */*\r\n", method,
                                  prefix, path, host, port, authorization);
    if (!content_type.empty()) {
        fmt::format_to(std::back_inserter(out), "Content-Type: {}\r\nContent-Length: {}\r\n",
                       content_type, body_bytes);
    }
    out += "\r\n";
    return out;
}

void run_load(const Target& target, std::size_t clients, Work& work,
              std::chrono::seconds patience) {
    Loop(target, clients, work, patience).run();
}

std::string call(const Target& target, std::string_view method, std::string_view path,
                 std::string_view content_type, std::string_view body, int& status) {
    OneCall work(target.head(method, path, content_type, body.size()), body);
    run_load(target, 1, work);
    status = work.status;
    return work.answer;
}

std::string sign_in(const Target& target) {
    const auto head = target.head("POST", "/_session", "application/json", target.sign_in.size());
    OneCall work(head, target.sign_in);
    run_load(target, 1, work);
    if (work.status != 200 || work.cookie.empty()) {
        throw std::runtime_error(fmt::format("{}: no session: {} {}", target.url, work.status,
                                             work.answer.substr(0, 300)));
    }
    return work.cookie;
}

}  // namespace divan::bench
