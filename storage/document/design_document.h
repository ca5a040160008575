#pragma once

#include <string_view>

#include "storage/base/error.h"

namespace divan::storage {

inline constexpr std::string_view design_prefix = "_design/";

inline bool is_design_id(std::string_view id) {
    return id.substr(0, design_prefix.size()) == design_prefix;
}

/// The checks on a design document's form that CouchDB makes before it is written: names and kinds
/// of `views`, `options`, `filters` and so on (couch_mrview:validate_ddoc_fields/1, validate/2).
/// Says nothing about whether functions compile.
///
/// `body_json` is the normalised object without `_` members. Passes any `id` that is no design
/// document's. Only a partitioned database takes `"partitioned":true`. Refuses with
/// `invalid_design_doc`.
Result<void> validate_design_document(std::string_view id, std::string_view body_json,
                                      bool partitioned_database = false);

/// Whether functions in `language` are for whoever runs those in `known`, in small letters: case
/// does not matter (couch_proc_manager:find_proc/2).
bool is_language(std::string_view language, std::string_view known);
/// Throws `Refused` with `unknown_query_language`.
[[noreturn]] void refuse_language(std::string_view language);

}  // namespace divan::storage
