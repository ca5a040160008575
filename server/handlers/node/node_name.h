#pragma once

#include <string_view>

namespace divan::server {

/// What the one node is called where CouchDB names nodes; "_local" is another name of it.
inline constexpr std::string_view node_name = "divan@localhost";

/// The release of CouchDB whose protocol this server speaks.
inline constexpr std::string_view couchdb_version = "3.5.0";

}  // namespace divan::server
