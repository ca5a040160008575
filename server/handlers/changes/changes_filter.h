#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/routes.h"
#include "storage/base/json.h"
#include "storage/query/mango/field_path.h"
#include "storage/query/mango/selector.h"

namespace divan::server {

/// Which changes a feed tells: couch_changes:configure_filter/4.
struct ChangesFilter {
    enum class Kind : std::uint8_t { none, doc_ids, selector, design, function };

    Kind kind = Kind::none;
    std::vector<std::string> doc_ids;           ///< Sorted.
    storage::mango::Selector selector;
    /// Of `function`: which of these documents pass. Blocks, throws `Refused`: for a pool.
    std::function<std::vector<bool>(std::span<const BytesView>)> function;
    std::size_t revs_max = 0;  ///< Of `_revisions` in documents that `function` sees.
    /// Of `selector`: what of documents is shown.
    std::optional<storage::mango::FieldList> fields;
};

/// Reads the filter named `name`. `body` is null where there was none. Throws `Refused` with
/// CouchDB's sentences.
ChangesFilter configure_filter(const Call& call, const std::string& name, const JsonValue* body);

}  // namespace divan::server
