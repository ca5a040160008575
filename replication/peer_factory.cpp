#include "replication/peer_factory.h"

#include "replication/http_peer.h"

namespace divan::replication {
namespace {

HttpPeerSettings http_settings(const Endpoint& endpoint, const Tuning& tuning) {
    HttpPeerSettings settings;
    settings.url = endpoint.url;
    settings.headers = endpoint.headers;
    if (endpoint.credentials) {
        settings.credentials =
            HttpCredentials{endpoint.credentials->name, endpoint.credentials->password};
    }
    settings.proxy = endpoint.proxy;
    settings.silence_limit = tuning.connection_timeout;
    settings.retries = static_cast<unsigned>(tuning.retries);
    settings.connections = static_cast<std::size_t>(tuning.http_connections);
    settings.use_bulk_get = tuning.use_bulk_get;
    return settings;
}

}  // namespace

MakePeer peer_maker(IoLoop& loop, WorkPool& pool, const ReadSetting& setting,
                    OpenLocal open_local) {
    auto clients =
        std::make_shared<HttpClients>(loop, pool, read_http_client_settings(setting));
    return [clients, open_local = std::move(open_local)](const Endpoint& endpoint,
                                                         const Replication& of) {
        if (!endpoint.local_database.empty()) return open_local(endpoint, of.user);
        return make_http_peer(http_settings(endpoint, of.tuning), *clients);
    };
}

}  // namespace divan::replication
