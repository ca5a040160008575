#pragma once

#include <string>
#include <string_view>

#include "server/config/config.h"

namespace divan::server {

/// The form in which an `[admins]` value is kept: `value` itself where it is hashed already, else
/// its hash by `[chttpd_auth] iterations`. Slow: for a pool.
std::string stored_admin_password(const Config& config, std::string_view value);

/// Replaces passwords that stand in the files as plain text by hashes in the writable file, as
/// CouchDB does at its start. Where that cannot be written they are hashed in memory, with a
/// warning.
void hash_plain_admins(Config& config);

}  // namespace divan::server
