#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/query/index/mapper.h"
#include "storage/query/js/functions.h"
#include "storage/query/view/reducers.h"

namespace divan::storage {

/// Map functions in JavaScript, one for each tree.
std::shared_ptr<Mapper> make_script_mapper(std::shared_ptr<js::Functions> functions,
                                           std::vector<std::string> sources);

/// A reduce function in JavaScript. What it throws makes its reduction null, and one that grows too
/// much is an object with the member `reduce_overflow_error`, as `js::Functions` has it.
std::shared_ptr<const ViewReducer> make_script_reducer(std::shared_ptr<js::Functions> functions,
                                                       std::string source);

/// The sentence of a reduction that grew too much; empty where it is another value.
std::string reduce_overflow(BytesView reduction);

}  // namespace divan::storage
