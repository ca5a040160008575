#pragma once

#include <string>

#include "storage/database/database.h"

namespace divan::server {

/// The object that `GET /{db}` answers. Asks the engine for sizes: for a pool.
void append_database_info(std::string& out, const storage::Database& database);

/// "{"key":name,"info":{…}}", or an error "not_found" instead of the info for a null `database`.
void append_database_row(std::string& out, std::string_view name,
                         const storage::Database* database);

}  // namespace divan::server
