#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/json.h"

namespace divan::storage::mango {

/// An index that a client asks for: the body of POST `_index`.
struct IndexDefinition {
    std::string design;  ///< "_design/…".
    std::string name;
    std::string view;  ///< The view that it is in the design document, as JSON.
    std::optional<bool> partitioned;
};

/// mango_opts:validate_idx_create/1, mango_idx:new/2, mango_idx_view:validate_new/2. Names that are
/// not given are CouchDB's: a digest of the definition. Throws `Refused` with their sentences.
IndexDefinition parse_definition(const JsonValue& body);

/// The design document `document` with the index added: mango_idx:add/2. Null is none, or a deleted
/// one. Empty where it has just this index already. Throws `Refused` where it is in another
/// language, or partitioned otherwise.
std::optional<std::string> with_index(const JsonValue* document, const IndexDefinition& definition);

/// The design document without the views of these names. Empty where nothing is left of it:
/// mango_idx:delete/4.
std::optional<std::string> without_indexes(const JsonValue& document,
                                           const std::vector<std::string>& names);

/// The design documents that `_index/_bulk_delete` names, as they were given:
/// mango_opts:validate_bulk_delete/1. Throws `Refused`.
std::vector<std::string> parse_bulk_delete(const JsonValue& body);

}  // namespace divan::storage::mango
