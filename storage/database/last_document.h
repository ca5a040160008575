#pragma once

#include <optional>
#include <string>

#include "storage/base/ids.h"
#include "storage/engine/engine.h"

namespace divan::storage {

/// The id of a database's last document in byte order, deleted ones too; empty where it has none.
/// Who writes many in order learns by one look which of them cannot be there yet.
std::optional<std::string> last_document_id(const Reader& reader, DatabaseId database);

}  // namespace divan::storage
