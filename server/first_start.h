#pragma once

#include "server/config/config.h"
#include "storage/database/catalog.h"

namespace divan::server {

/// Sees to it that there is an administrator: those of the configuration, and the one that the
/// environment names (COUCHDB_USER, COUCHDB_PASSWORD). Where there is none, makes `admin` with a
/// random password that is printed once to standard error and kept hashed in the writable file.
/// Plain passwords of the configuration are hashed. Returns whether the admin was made up: then
/// nobody chose to open this server to a network yet.
bool ensure_admin(Config& config);

/// `[couchdb] uuid`, made and kept at the first start.
std::string ensure_node_uuid(Config& config);

/// `_users` and `_replicator`, unless `[couchdb] single_node` is false.
void ensure_system_databases(const Config& config, storage::Catalog& catalog);

}  // namespace divan::server
