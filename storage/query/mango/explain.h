#pragma once

#include <string>
#include <string_view>

#include "storage/query/mango/planner.h"

namespace divan::storage::mango {

/// The answer of `_explain`: mango_cursor:explain/1. `selector` is the options' own.
std::string explain(const Plan& plan, const FindOptions& options, std::string_view database,
                    bool partitioned);

}  // namespace divan::storage::mango
