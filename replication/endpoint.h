#pragma once

#include <string_view>

#include "replication/options.h"

namespace divan::replication {

/// Reads a `source` or `target`: an address, an object with `url`, `headers` and `auth`, or where
/// `local` is given the name of a database of this server. `value` is null where it is missing.
Result<Endpoint> parse_endpoint(const JsonValue* value, std::string_view proxy, const Rules& rules,
                                const LocalNames* local);

}  // namespace divan::replication
