#include "replication/http/tls_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <chrono>
#include <cstring>
#include <new>

#include "replication/http/failures.h"
#include "storage/base/async/tls_socket.h"
#include "storage/base/log.h"

namespace divan::replication {
namespace {

// Trusted certificates and our own may be renewed while we run. CouchDB reads the system's again
// once a day (`cacert_reload_interval_hours`).
constexpr auto context_age_max = std::chrono::hours(1);

std::string last_reason() {
    const auto code = ERR_peek_last_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "the peer hung up" : reason;
}

[[noreturn]] void fail(std::string_view what) {
    auto reason = fmt::format("[replicator] {}: {}", what, last_reason());
    ERR_clear_error();
    throw rejected("tls_settings", std::move(reason));
}

// Without this OpenSSL would ask at the terminal.
int give_password(char* buffer, int size, int, void* settings) {
    const auto& password = static_cast<const HttpClientSettings*>(settings)->key_password;
    if (size < 0 || password.size() > static_cast<std::size_t>(size)) return 0;
    std::memcpy(buffer, password.data(), password.size());
    return static_cast<int>(password.size());
}

// couch_replicator_utils:check_certificate_fun/3, but on the connections that are made anyway.
int log_bad_certificate(int good, X509_STORE_CTX* chain) {
    if (good == 1) return 1;
    const auto* connection = static_cast<SSL*>(
        X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const char* name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
    log(LogLevel::warning,
        fmt::format("Replicator: **security warning** bad certificate of {}: {}",
                    name == nullptr ? "an address" : name,
                    X509_verify_cert_error_string(X509_STORE_CTX_get_error(chain))));
    return 1;
}

void set_verification(SSL_CTX* context, const HttpClientSettings& settings) {
    if (!settings.verify_certificates && !settings.log_certificates) {
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
        return;
    }
    const auto& file = settings.trusted_file;
    const int trusted = file.empty()
                            ? SSL_CTX_set_default_verify_paths(context)
                            : SSL_CTX_load_verify_locations(context, file.c_str(), nullptr);
    if (trusted != 1) fail(fmt::format("ssl_trusted_certificates_file {} cannot be read", file));
    SSL_CTX_set_verify_depth(context, settings.certificate_depth_max);
    if (settings.verify_certificates) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    } else {
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, log_bad_certificate);
    }
}

// couch_replicator_parse:ssl_params/1: only where both files are named.
void set_own_certificate(SSL_CTX* context, const HttpClientSettings& settings) {
    if (settings.cert_file.empty() || settings.key_file.empty()) return;
    if (SSL_CTX_use_certificate_chain_file(context, settings.cert_file.c_str()) != 1) {
        fail(fmt::format("cert_file {} cannot be read", settings.cert_file));
    }
    if (SSL_CTX_use_PrivateKey_file(context, settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
        fail(fmt::format("key_file {} cannot be used", settings.key_file));
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        fail(fmt::format("key_file {} is not the key of {}", settings.key_file,
                         settings.cert_file));
    }
}

using Context = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;

Context make_context(const HttpClientSettings& settings) {
    ERR_clear_error();
    Context context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
    if (!context) throw std::bad_alloc();
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(context.get(), give_password);
    SSL_CTX_set_default_passwd_cb_userdata(context.get(),
                                           const_cast<HttpClientSettings*>(&settings));
    static constexpr std::string_view protocol = "\x08http/1.1";
    SSL_CTX_set_alpn_protos(context.get(),
                            reinterpret_cast<const unsigned char*>(protocol.data()),
                            static_cast<unsigned>(protocol.size()));
    set_verification(context.get(), settings);
    set_own_certificate(context.get(), settings);
    return context;
}

bool is_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> bytes;
    return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
           inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

// Names are sent (RFC 6066) and checked (RFC 6125), addresses are only checked.
bool set_host(SSL* connection, const std::string& host) {
    auto* parameters = SSL_get0_param(connection);
    if (is_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1;
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(connection, host.c_str()) == 1 &&
           SSL_set1_host(connection, host.c_str()) == 1;
}

}  // namespace

struct TlsClient::State {
    Context context{nullptr, &SSL_CTX_free};
    std::chrono::steady_clock::time_point made;
};

TlsClient::TlsClient(const HttpClientSettings& settings)
    : settings_(settings), state_(std::make_unique<State>()) {}

TlsClient::~TlsClient() = default;

std::unique_ptr<Socket> TlsClient::make_socket(IoLoop& loop, std::unique_ptr<Socket> below,
                                               const std::string& host) {
    const auto now = std::chrono::steady_clock::now();
    if (!state_->context || now - state_->made > context_age_max) {
        state_->context = make_context(settings_);
        state_->made = now;
    }
    std::unique_ptr<SSL, void (*)(SSL*)> connection(SSL_new(state_->context.get()), &SSL_free);
    if (!connection) throw std::bad_alloc();
    if (!set_host(connection.get(), host)) throw rejected("bad_host", "no host for TLS: " + host);
    return make_tls_socket(loop, std::move(below), connection.release(), TlsEnd::client);
}

std::string TlsClient::last_failure() const {
    return last_reason();
}

}  // namespace divan::replication
