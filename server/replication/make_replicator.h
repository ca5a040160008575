#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "replication/replicator.h"
#include "server/services.h"

namespace divan::server {

/// The server's replicator, not started yet. Its jobs open databases here by `services`, which
/// outlive it; `host` and `port` are where the server listens.
std::unique_ptr<replication::Replicator> make_replicator(Services& services, std::string_view host,
                                                         std::uint16_t port);

/// Lets the replicator hear what happens to databases, after whoever hears it now. Before the first
/// request. The replicator must live as long as databases may change.
void follow_databases(storage::Catalog& catalog, replication::Replicator& replicator);

}  // namespace divan::server
