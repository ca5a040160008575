#pragma once

#include <memory>

#include "server/handlers/queries/row_answer.h"
#include "server/handlers/queries/row_query.h"
#include "storage/database/read_view.h"

namespace divan::server {

enum class DocumentKind : std::uint8_t { all, design, local };

/// What `_all_docs`, `_design_docs` or `_local_docs` answers to a query that was checked. Reads
/// when asked for rows, as of `view`.
std::unique_ptr<RowList> list_documents(DocumentKind kind, const RowQuery& query,
                                        std::shared_ptr<storage::Database> database,
                                        std::shared_ptr<const storage::ReadView> view);

}  // namespace divan::server
