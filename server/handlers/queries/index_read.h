#pragma once

#include <memory>

#include "server/handlers/queries/row_query.h"
#include "storage/base/async/task.h"
#include "storage/query/index/indexes.h"

namespace divan::server {

/// Reads an index: with everything that `state` has, as it is, or as it is while it is brought up
/// to date. Throws `Refused` where it cannot be.
Task<std::shared_ptr<const storage::IndexReading>> read_index(std::shared_ptr<storage::Index> index,
                                                              storage::DatabaseState state,
                                                              RowQuery::Update update);

}  // namespace divan::server
