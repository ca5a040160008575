#pragma once

#include <vector>

#include "tools/import/couch_file/database_file.h"

namespace divan::import {

/// The leaves of a stored revision tree, `[{Start, {Hash, Value, Children}}]`, without those that a
/// bug of old versions left without a body. Throws `Damage`. couch_key_tree.
std::vector<FileLeaf> leaves_of(const Term& forest);

}  // namespace divan::import
