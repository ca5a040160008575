#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/query/mango/planner.h"

namespace divan::storage::mango {

/// A range of the keys of a `json` index, which are arrays with a value for each field. Both ends
/// belong to it: what an exclusive end lets through, the selector refuses.
struct KeyRange {
    std::vector<std::string> low;   ///< The first values of the first key, as JSON.
    std::vector<std::string> high;  ///< Those of the last one; all keys that start with them belong
                                    ///< to the range.
};

/// mango_idx_view:start_key/1 and end_key/1.
KeyRange key_range(const std::vector<FieldRange>& ranges);

/// The two ends as `_explain` shows them, before a descending sort turns them round.
std::string start_text(const Plan& plan);
std::string end_text(const Plan& plan);

}  // namespace divan::storage::mango
