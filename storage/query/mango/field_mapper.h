#pragma once

#include <memory>
#include <span>

#include "storage/base/json.h"
#include "storage/query/index/mapper.h"

namespace divan::storage::mango {

/// Maps documents for the views of a design document in the language `query`, a tree for each of
/// `maps` (their `map` members), as mango_native_proc:map_doc/2 does: the key is an array of the
/// fields' values, the value null. A document that lacks a field, or that the partial filter does
/// not take, has no row there; a map that is no index has none at all.
std::shared_ptr<Mapper> make_field_mapper(std::span<const JsonValue> maps);

}  // namespace divan::storage::mango
