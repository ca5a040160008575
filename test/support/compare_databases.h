#pragma once

#include <memory>
#include <string>

#include "storage/database/database.h"

namespace divan::test {

/// Everything that replication copies, as text: every document's leaves with their whole ancestry,
/// whether they are deleted, their bodies and their attachments' names, types, lengths, digests and
/// bytes (as an MD5). Two databases that say the same are the same to the last leaf.
std::string describe_leaves(const std::shared_ptr<storage::Database>& database);

}  // namespace divan::test
