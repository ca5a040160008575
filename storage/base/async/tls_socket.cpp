#include "storage/base/async/tls_socket.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <new>
#include <string>

#include "storage/base/error.h"
#include "storage/base/log.h"

namespace divan {
namespace {

// A TLS record: more in one write brings nothing.
constexpr std::size_t record_bytes = 16 * 1024;

// OpenSSL's way to the socket below. Its own socket BIO would raise SIGPIPE.
int bio_write(BIO* bio, const char* bytes, int size) {
    auto& below = *static_cast<Socket*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const auto wanted = static_cast<std::size_t>(size);
    Outgoing out{{std::string_view(bytes, wanted), {}, {}, {}}};
    const auto outcome = below.write(out);
    const auto sent = wanted - out.size();
    if (sent > 0) return static_cast<int>(sent);
    if (outcome == Socket::Outcome::would_block) BIO_set_retry_write(bio);
    return -1;
}

int bio_read(BIO* bio, char* into, int size) {
    auto& below = *static_cast<Socket*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const auto io = below.read(into, static_cast<std::size_t>(size));
    if (io.bytes > 0) return static_cast<int>(io.bytes);
    if (io.outcome != Socket::Outcome::would_block) return 0;
    BIO_set_retry_read(bio);
    return -1;
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

BIO* make_bio(Socket& below) {
    static BIO_METHOD* const method = make_bio_method();  // lives as long as the process
    BIO* bio = BIO_new(method);
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, &below);
    return bio;
}

class TlsSocket : public Socket {
public:
    TlsSocket(IoLoop& loop, std::unique_ptr<Socket> below, SSL* connection, TlsEnd end)
        : loop_(loop), below_(std::move(below)), connection_(connection, &SSL_free) {
        BIO* bio = make_bio(*below_);
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
            below_->when_readable(std::move(then));
            return;
        }
        below_->when_readable(nullptr);
        loop_.post([this, alive = alive_, wait = wait_, then = std::move(then)] {
            if (*alive && wait == wait_) then();
        });
    }
    void when_writable(std::function<void()> then) override {
        below_->when_writable(std::move(then));
    }
    void end_sending() override {
        ERR_clear_error();
        SSL_shutdown(connection_.get());  // as far as the socket takes it: the peer may be gone
        below_->end_sending();
    }
    void abort() override { below_->abort(); }
    int descriptor() const override { return below_->descriptor(); }
    bool secure() const override { return true; }
    std::string local_address() const override {
        return below_->local_address();
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
                                        address_of(descriptor(), true).host,
                                        reason == nullptr ? "the peer hung up" : reason));
    }

    IoLoop& loop_;
    const std::unique_ptr<Socket> below_;
    std::unique_ptr<SSL, void (*)(SSL*)> connection_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    unsigned wait_ = 0;    ///< Which call of `when_readable` counts.
    bool broken_ = false;  ///< Nothing more is read: the end, or an error.
};

}  // namespace

std::unique_ptr<Socket> make_tls_socket(IoLoop& loop, std::unique_ptr<Socket> below,
                                        SSL* connection, TlsEnd end) {
    return std::make_unique<TlsSocket>(loop, std::move(below), connection, end);
}

}  // namespace divan
