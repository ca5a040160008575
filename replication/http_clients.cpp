#include "replication/http_clients.h"

#include "replication/http/parts.h"

namespace divan::replication {

HttpClientSettings read_http_client_settings(const ReadSetting& read) {
    constexpr std::string_view section = "replicator";
    const auto text = [&](std::string_view key) { return read(section, key).value_or(""); };
    HttpClientSettings settings;
    settings.verify_certificates = read_bool(read, section, "verify_ssl_certificates", false);
    settings.log_certificates =
        read_bool(read, section, "verify_ssl_certificates_log", false);
    settings.trusted_file = text("ssl_trusted_certificates_file");
    settings.certificate_depth_max =
        static_cast<int>(read_integer(read, section, "ssl_certificate_max_depth", 3, 0, 100));
    settings.cert_file = text("cert_file");
    settings.key_file = text("key_file");
    settings.key_password = text("password");
    const auto plugins = read(section, "auth_plugins");
    settings.session_auth =
        !plugins || plugins->find("couch_replicator_auth_session") != std::string::npos;
    settings.session_refresh = std::chrono::seconds(
        read_integer(read, section, "session_refresh_interval_sec", 550, 1, 86'400));
    settings.session_refresh_least = std::chrono::seconds(
        read_integer(read, section, "session_min_update_interval", 5, 0, 3600));
    settings.host_connections_max = static_cast<std::size_t>(
        read_integer(read, section, "http_connections_per_host", 200, 1, 100'000));
    return settings;
}

HttpClients::HttpClients(IoLoop& loop, WorkPool& pool, HttpClientSettings settings,
                         ReplicationMetrics& metrics)
    : parts_(std::make_unique<Parts>(loop, pool, std::move(settings), metrics)) {}

HttpClients::~HttpClients() = default;

IoLoop& HttpClients::loop() const {
    return parts_->loop;
}

WorkPool& HttpClients::pool() const {
    return parts_->pool;
}

const HttpClientSettings& HttpClients::settings() const {
    return parts_->settings;
}

}  // namespace divan::replication
