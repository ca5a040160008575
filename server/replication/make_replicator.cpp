#include "server/replication/make_replicator.h"

#include <unistd.h>

#include <array>

#include <fmt/format.h>

#include "replication/peer_factory.h"
#include "server/config/config.h"
#include "server/replication/local_peer.h"

namespace divan::server {
namespace {

std::string machine_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
    const std::string full = name.data();
    return full.substr(0, full.find('.'));  // inet:gethostname/0
}

replication::ServerNames server_names(const Services& services) {
    replication::ServerNames names;
    names.uuid = services.node_uuid;
    names.host_name = machine_name();
    const auto port = services.config.get_integer("httpd", "port", 5984);
    if (port > 0 && port <= UINT16_MAX) names.old_port = static_cast<std::uint16_t>(port);
    return names;
}

}  // namespace

std::unique_ptr<replication::Replicator> make_replicator(Services& services, std::string_view host,
                                                         std::uint16_t port) {
    const auto setting = setting_reader(services.config);
    std::string name(host);
    if (name.find(':') != std::string::npos && !name.starts_with('[')) name = "[" + name + "]";
    replication::ReplicatorHost made{
        services.catalog,
        setting,
        services.clock,
        services.metrics,
        services.pool,
        server_names(services),
        fmt::format("http://{}:{}/", name, port),
        [&services, setting](IoLoop& loop) {
            return replication::peer_maker(
                loop, services.pool, setting, services.metrics.replication,
                [&services](const replication::Endpoint& endpoint, const Identity& who) {
                    return make_local_peer(services, endpoint.local_database, endpoint.url, who);
                });
        }};
    return std::make_unique<replication::Replicator>(std::move(made));
}

void follow_databases(storage::Catalog& catalog, replication::Replicator& replicator) {
    catalog.on_event([first = catalog.listener(), &replicator](storage::DatabaseEvent event,
                                                               const std::string& name) {
        if (first) first(event, name);
        replicator.note(name);
    });
}

}  // namespace divan::server
