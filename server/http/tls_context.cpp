#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>

#include "server/http/tls.h"
#include "storage/base/async/tls_socket.h"

namespace divan::server {
namespace {

[[noreturn]] void fail(std::string_view what) {
    const auto code = ERR_peek_last_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    ERR_clear_error();
    throw std::runtime_error(reason == nullptr ? fmt::format("[ssl] {}", what)
                                               : fmt::format("[ssl] {}: {}", what, reason));
}

// Without this OpenSSL would ask at the terminal.
int give_password(char* buffer, int size, int, void* options) {
    const auto& password = static_cast<const TlsOptions*>(options)->password;
    if (size < 0 || password.size() > static_cast<std::size_t>(size)) return 0;
    std::memcpy(buffer, password.data(), password.size());
    return static_cast<int>(password.size());
}

// Whoever offers protocols (RFC 7301) and not this one means another kind of server.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned int in_size, void*) {
    static constexpr std::string_view wanted = "\x08http/1.1";
    unsigned char* chosen = nullptr;
    const auto* own = reinterpret_cast<const unsigned char*>(wanted.data());
    const int found = SSL_select_next_proto(&chosen, out_size, own,
                                            static_cast<unsigned>(wanted.size()), in, in_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void set_versions(SSL_CTX* context, const TlsOptions& options) {
    if (!options.tls_1_2 && !options.tls_1_3) fail("tls_versions: neither tlsv1.2 nor tlsv1.3");
    SSL_CTX_set_min_proto_version(context, options.tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(context, options.tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    if (options.ciphers.empty()) return;
    if (SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) != 1) {
        fail(fmt::format("ciphers: none is known of {}", options.ciphers));
    }
}

void read_certificate(SSL_CTX* context, const TlsOptions& options) {
    if (options.cert_file.empty()) fail("cert_file is not set");
    if (SSL_CTX_use_certificate_chain_file(context, options.cert_file.c_str()) != 1) {
        fail(fmt::format("cert_file {} cannot be read", options.cert_file));
    }
    const auto& key = options.key_file.empty() ? options.cert_file : options.key_file;
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        fail(fmt::format("key_file {} cannot be used", key));
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        fail(fmt::format("key_file {} is not the key of {}", key, options.cert_file));
    }
}

void set_client_verification(SSL_CTX* context, const TlsOptions& options) {
    if (!options.verify_clients) return;
    if (options.ca_file.empty()) fail("verify_ssl_certificates needs cacert_file");
    const char* file = options.ca_file.c_str();
    if (SSL_CTX_load_verify_locations(context, file, nullptr) != 1) {
        fail(fmt::format("cacert_file {} cannot be read", options.ca_file));
    }
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(file));
    int mode = SSL_VERIFY_PEER;
    if (options.require_client_certificate) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(context, mode, nullptr);
}

using Context = std::shared_ptr<SSL_CTX>;

Context make_context(const TlsOptions& options) {
    ERR_clear_error();
    Context context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    if (!context) fail("OpenSSL cannot start");
    SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    static constexpr std::string_view session_context = "divan";
    SSL_CTX_set_session_id_context(context.get(),
                                   reinterpret_cast<const unsigned char*>(session_context.data()),
                                   static_cast<unsigned>(session_context.size()));
    SSL_CTX_set_default_passwd_cb(context.get(), give_password);
    SSL_CTX_set_default_passwd_cb_userdata(context.get(), const_cast<TlsOptions*>(&options));
    SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
    set_versions(context.get(), options);
    read_certificate(context.get(), options);
    set_client_verification(context.get(), options);
    return context;
}

}  // namespace

struct TlsContext::State {
    std::atomic<Context> current;  ///< Shared: a handshake keeps the one that it began with.
};

TlsContext::TlsContext(TlsOptions options)
    : options_(std::move(options)), state_(std::make_unique<State>()) {
    state_->current.store(make_context(options_));
}

TlsContext::~TlsContext() = default;

void TlsContext::reload() {
    state_->current.store(make_context(options_));
}

std::unique_ptr<Socket> TlsContext::make_socket(IoLoop& loop, int descriptor) const {
    auto below = make_tcp_socket(loop, descriptor);  // closes it where something is thrown
    const auto context = state_->current.load();
    SSL* connection = SSL_new(context.get());  // holds the context from here on
    if (connection == nullptr) throw std::bad_alloc();
    return make_tls_socket(loop, std::move(below), connection);
}

}  // namespace divan::server
