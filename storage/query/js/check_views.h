#pragma once

#include <string_view>

#include "storage/query/js/functions.h"

namespace divan::storage::js {

class WorkerPool;

/// `Runtime::check_views`, with a worker of `pool`.
Result<void> check_views(WorkerPool& pool, std::string_view database, BytesView body);

}  // namespace divan::storage::js
