#include "storage/database/last_document.h"

#include "storage/engine/keys.h"

namespace divan::storage {

std::optional<std::string> last_document_id(const Reader& reader, DatabaseId database) {
    const auto first = keys::database(database);
    const auto end = keys::after_prefix(first);
    const auto cursor = reader.cursor(Family::docs, first, end);
    cursor->seek_back(end);
    if (!cursor->valid()) return std::nullopt;
    return std::string(keys::id_of(cursor->key()));
}

}  // namespace divan::storage
