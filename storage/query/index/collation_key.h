#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "storage/base/bytes.h"
#include "storage/query/json_text.h"

namespace divan::storage {

/// The order of an index's keys.
enum class Collation : std::uint8_t {
    unicode,  ///< CouchDB's: `compare` of storage/query/collation.h.
    raw,      ///< Erlang's: `compare_raw`; of `"options":{"collation":"raw"}`.
};

/// Appends bytes whose order (`memcmp`) is the collation of the values, and which are the same
/// bytes where the values are equal. No encoding is the start of another's, so that anything may
/// follow. `docs/DATA.md` has the form. Any thread.
void append_collation_key(Bytes& out, const JsonText& value, Collation collation);
Bytes collation_key(const JsonText& value, Collation collation);

/// How many bytes of an array's collation key are common to all arrays that start with its first
/// `items` items; of what is no array, or is shorter, its whole size.
std::size_t group_prefix_bytes(const JsonText& value, std::size_t items, Collation collation);

}  // namespace divan::storage
