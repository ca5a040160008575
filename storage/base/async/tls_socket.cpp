#include "storage/base/async/tls_socket.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <string>

#include "storage/base/error.h"
#include "storage/base/log.h"

namespace divan {
namespace {

// A TLS record: more in one write brings nothing.
constexpr std::size_t record_bytes = 16 * 1024;

// OpenSSL's way to the descriptor. Its own socket BIO would raise SIGPIPE.
int bio_write(BIO* bio, const char* bytes, int size) {
    const int descriptor = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
    BIO_clear_retry_flags(bio);
    const auto count = ::send(descriptor, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    const bool again = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    if (again) BIO_set_retry_write(bio);
    return static_cast<int>(count);
}

int bio_read(BIO* bio, char* into, int size) {
    const int descriptor = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
    BIO_clear_retry_flags(bio);
    const auto count = ::recv(descriptor, into, static_cast<std::size_t>(size), 0);
    const bool again = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    if (again) BIO_set_retry_read(bio);
    return static_cast<int>(count);
}

long bio_control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int bio_create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD* make_bio_method() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "divan socket");
    DIVAN_CHECK(method != nullptr);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_ctrl(method, bio_control);
    BIO_meth_set_create(method, bio_create);
    return method;
}

BIO* make_bio(int descriptor) {
    static BIO_METHOD* const method = make_bio_method();  // lives as long as the process
    BIO* bio = BIO_new(method);
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(descriptor)));
    return bio;
}

class TlsSocket : public Socket {
public:
    TlsSocket(IoLoop& loop, int descriptor, SSL* connection, TlsEnd end)
        : loop_(loop),
          descriptor_(descriptor),
          watch_(loop.watch(descriptor)),
          connection_(connection, &SSL_free) {
        BIO* bio = make_bio(descriptor);
        SSL_set_bio(connection_.get(), bio, bio);
        if (end == TlsEnd::server) {
            SSL_set_accept_state(connection_.get());
        } else {
            SSL_set_connect_state(connection_.get());
        }
    }
    ~TlsSocket() override { *alive_ = false; }

    Handshake handshake() override {
        ERR_clear_error();
        const int result = SSL_do_handshake(connection_.get());
        if (result == 1) return Handshake::done;
        switch (SSL_get_error(connection_.get(), result)) {
            case SSL_ERROR_WANT_READ: return Handshake::wants_to_read;
            case SSL_ERROR_WANT_WRITE: return Handshake::wants_to_write;
            default: log_failure(); return Handshake::failed;
        }
    }

    // Until `size` is reached or nothing more is there, so that a short answer means what it means
    // with TCP: wait for the descriptor.
    Io read(char* into, std::size_t size) override {
        std::size_t sum = 0;
        while (sum < size && !broken_) {
            std::size_t count = 0;
            ERR_clear_error();
            const int result = SSL_read_ex(connection_.get(), into + sum, size - sum, &count);
            if (result == 1) {
                sum += count;
            } else if (is_waiting(result)) {
                return {sum > 0 ? Outcome::done : Outcome::would_block, sum};
            } else {
                broken_ = true;
            }
        }
        return {sum > 0 ? Outcome::done : Outcome::closed, sum};
    }

    Outcome write(Outgoing& out) override {
        while (out.size() > 0) {
            const auto bytes = next_record(out);
            std::size_t count = 0;
            ERR_clear_error();
            const int result =
                SSL_write_ex(connection_.get(), bytes.data(), bytes.size(), &count);
            if (result != 1) return is_waiting(result) ? Outcome::would_block : Outcome::closed;
            out.consume(count);
        }
        return Outcome::done;
    }

    // What OpenSSL has read ahead makes no descriptor readable.
    void when_readable(std::function<void()> then) override {
        ++wait_;
        const bool ahead = then && (broken_ || SSL_has_pending(connection_.get()) != 0 ||
                                    SSL_get_shutdown(connection_.get()) != 0);
        if (!ahead) {
            watch_->when_readable(std::move(then));
            return;
        }
        watch_->when_readable(nullptr);
        loop_.post([this, alive = alive_, wait = wait_, then = std::move(then)] {
            if (*alive && wait == wait_) then();
        });
    }
    void when_writable(std::function<void()> then) override {
        watch_->when_writable(std::move(then));
    }
    void end_sending() override {
        ERR_clear_error();
        SSL_shutdown(connection_.get());  // as far as the socket takes it: the peer may be gone
        ::shutdown(descriptor_, SHUT_WR);
    }
    void abort() override { ::shutdown(descriptor_, SHUT_RDWR); }
    bool secure() const override { return true; }
    std::string local_address() const override {
        const auto local = address_of(descriptor_, false);
        return fmt::format("{}:{}", local.host, local.port);
    }

private:
    bool is_waiting(int result) const {
        const int error = SSL_get_error(connection_.get(), result);
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    }

    // Small pieces go together: each record costs bytes and time. A write that was not taken is
    // tried again with the same pieces, so with the same record.
    static std::string_view next_record(const Outgoing& out) {
        thread_local std::string gathered;
        gathered.clear();
        for (const auto& piece : out.pieces) {
            if (gathered.empty() && (piece.size() >= record_bytes || piece.size() == out.size())) {
                return piece.substr(0, record_bytes);
            }
            gathered.append(piece.substr(0, record_bytes - gathered.size()));
        }
        return gathered;
    }

    void log_failure() const {
        if (log_level() > LogLevel::info) return;
        const auto code = ERR_peek_last_error();
        const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
        log(LogLevel::info, fmt::format("no TLS connection with {}: {}",
                                        address_of(descriptor_, true).host,
                                        reason == nullptr ? "the peer hung up" : reason));
    }

    IoLoop& loop_;
    int descriptor_;
    std::unique_ptr<Watch> watch_;
    std::unique_ptr<SSL, void (*)(SSL*)> connection_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    unsigned wait_ = 0;    ///< Which call of `when_readable` counts.
    bool broken_ = false;  ///< Nothing more is read: the end, or an error.
};

}  // namespace

std::unique_ptr<Socket> make_tls_socket(IoLoop& loop, int descriptor, SSL* connection,
                                        TlsEnd end) {
    return std::make_unique<TlsSocket>(loop, descriptor, connection, end);
}

}  // namespace divan
