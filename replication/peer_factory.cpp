#include "replication/peer_factory.h"

#include "replication/http_peer.h"

namespace divan::replication {
namespace {

// "infinity", or nothing: none.
std::chrono::milliseconds read_request_limit(const ReadSetting& setting) {
    constexpr std::int64_t day_ms = 24 * 60 * 60 * 1000;
    return std::chrono::milliseconds(
        read_integer(setting, "replicator", "request_timeout", 0, 1, day_ms));
}

HttpPeerSettings http_settings(const Endpoint& endpoint, const Tuning& tuning,
                               const ReadSetting& setting) {
    HttpPeerSettings settings;
    settings.url = endpoint.url;
    settings.headers = endpoint.headers;
    if (endpoint.credentials) {
        settings.credentials =
            HttpCredentials{endpoint.credentials->name, endpoint.credentials->password};
    }
    settings.proxy = endpoint.proxy;
    settings.connect_to = parse_connect_to(setting("replicator", "connect_to").value_or(""));
    settings.sockets = tuning.sockets;
    settings.request_limit = read_request_limit(setting);
    settings.silence_limit = tuning.connection_timeout;
    settings.retries = static_cast<unsigned>(tuning.retries);
    settings.connections = static_cast<std::size_t>(tuning.http_connections);
    settings.use_bulk_get = tuning.use_bulk_get;
    return settings;
}

}  // namespace

MakePeer peer_maker(IoLoop& loop, WorkPool& pool, const ReadSetting& setting,
                    ReplicationMetrics& metrics, OpenLocal open_local) {
    auto clients =
        std::make_shared<HttpClients>(loop, pool, read_http_client_settings(setting), metrics);
    return [clients, setting, open_local = std::move(open_local)](const Endpoint& endpoint,
                                                                  const Replication& of) {
        if (!endpoint.local_database.empty()) return open_local(endpoint, of.user);
        return make_http_peer(http_settings(endpoint, of.tuning, setting), *clients);
    };
}

}  // namespace divan::replication
