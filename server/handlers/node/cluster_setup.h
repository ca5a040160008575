#pragma once

#include "server/services.h"
#include "storage/base/json.h"

namespace divan::server {

/// `POST /_cluster_setup`: makes the system databases, and an admin where one is named. What would
/// make a cluster is refused. Hashes a password: for a pool.
Result<void> run_cluster_setup(Services& services, const JsonValue& request);

}  // namespace divan::server
