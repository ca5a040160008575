#pragma once

#include "server/config/config.h"
#include "storage/database/catalog.h"

namespace divan::server {

/// Whether the configuration or the environment (COUCHDB_USER, COUCHDB_PASSWORD) names an
/// administrator. Where none does, nobody chose yet to open this server to a network.
bool has_admin(const Config& config);

/// Sees to it that there is an administrator. Where `has_admin` is false it makes `admin` with a
/// random password, which is printed once to standard error and kept hashed in the writable file.
/// Plain passwords of the configuration are hashed.
void ensure_admin(Config& config);

/// `[couchdb] uuid`, made and kept at the first start.
std::string ensure_node_uuid(Config& config);

/// `_users` and `_replicator`, unless `[couchdb] single_node` is false.
void ensure_system_databases(const Config& config, storage::Catalog& catalog);

}  // namespace divan::server
