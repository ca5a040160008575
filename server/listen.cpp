#include "server/listen.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/log.h"

namespace divan::server {
namespace {

// CouchDB's version comes first: clients look there for what they can use.
constexpr const char* server_name = "CouchDB/3.5.0 (Divan/" DIVAN_VERSION ")";

bool is_loopback(std::string_view address) {
    return address.starts_with("127.") || address == "::1" || address == "[::1]";
}

std::string listen_address(std::string address, bool only_loopback) {
    if (address == "localhost") return "127.0.0.1";
    if (only_loopback && !is_loopback(address)) return "127.0.0.1";
    return address;
}

std::uint16_t checked_port(std::string_view section, std::int64_t port) {
    constexpr std::int64_t port_max = 65535;
    if (port >= 0 && port <= port_max) return static_cast<std::uint16_t>(port);
    throw std::runtime_error(fmt::format("[{}] port: {} is no port", section, port));
}

/// The words of an Erlang list: ['tlsv1.2', 'tlsv1.3'], ["A", "B"]. Without its marks it is a list
/// too.
std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> result(1);
    for (const char c : text) {
        if (std::string_view(" \t[]'\",:").find(c) == std::string_view::npos) {
            result.back() += c;
        } else if (!result.back().empty()) {
            result.emplace_back();
        }
    }
    if (result.back().empty()) result.pop_back();
    return result;
}

void read_versions(TlsOptions& options, const Config& config) {
    const auto wanted = words(config.get("ssl", "tls_versions"));
    if (wanted.empty()) return;
    options.tls_1_2 = options.tls_1_3 = false;
    for (const auto& version : wanted) {
        if (version == "tlsv1.2") {
            options.tls_1_2 = true;
        } else if (version == "tlsv1.3") {
            options.tls_1_3 = true;
        } else {
            log(LogLevel::warning, fmt::format("[ssl] tls_versions: {} is left out", version));
        }
    }
}

}  // namespace

std::shared_ptr<TlsContext> make_tls(const Config& config) {
    if (!config.get_bool("ssl", "enable", false)) return nullptr;
    TlsOptions options;
    options.cert_file = config.get("ssl", "cert_file");
    options.key_file = config.get("ssl", "key_file");
    options.password = config.get("ssl", "password");
    options.ca_file = config.get("ssl", "cacert_file");
    options.verify_clients = config.get_bool("ssl", "verify_ssl_certificates", false);
    options.require_client_certificate = config.get_bool("ssl", "fail_if_no_peer_cert", false);
    options.ciphers = fmt::format("{}", fmt::join(words(config.get("ssl", "ciphers")), ":"));
    read_versions(options, config);
    return std::make_shared<TlsContext>(std::move(options));
}

HttpOptions http_options(const AppOptions& options, const Config& config, bool only_loopback,
                         std::shared_ptr<const TlsContext> tls) {
    HttpOptions http;
    const auto address =
        options.bind_address.value_or(config.get("chttpd", "bind_address", "127.0.0.1"));
    http.address = listen_address(address, only_loopback);
    http.port = checked_port(
        "chttpd", options.port ? *options.port : config.get_integer("chttpd", "port", 5984));
    if (tls) {
        http.tls = TlsPort{
            listen_address(config.get("ssl", "bind_address", address), only_loopback),
            checked_port("ssl", config.get_integer("ssl", "port", 6984)), std::move(tls)};
    }
    http.loops = options.loops;
    const bool versions = config.get_bool("chttpd", "server_header_versions", true);
    http.server_name = versions ? server_name : "CouchDB";
    return http;
}

}  // namespace divan::server
