#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "storage/base/json.h"

namespace divan::storage::mango {

/// What came with an index definition; empty names were not given.
struct DefinitionOptions {
    const JsonValue* definition = nullptr;
    std::string type;
    std::string name;
    std::string design;
    std::uint64_t w = 2;
    std::optional<bool> partitioned;
};

/// The name that CouchDB gives an index that was sent without one (mango_idx:gen_name/2): SHA-1 in
/// hexadecimal digits of the Erlang external term of `{Definition, Options}`. So a definition that
/// is sent again is found to exist.
std::string definition_name(const DefinitionOptions& options);

}  // namespace divan::storage::mango
