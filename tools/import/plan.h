#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/import/source.h"

namespace divan::import {

/// What a database holds, counted by reading it.
struct Inventory {
    std::string name;
    bool partitioned = false;
    std::uint64_t documents = 0;  ///< Not deleted.
    std::uint64_t deleted = 0;
    std::uint64_t conflicts = 0;  ///< Documents with more than one leaf that is not deleted.
    std::uint64_t designs = 0;
    std::uint64_t locals = 0, purges = 0;
    std::uint64_t attachments = 0, attachment_bytes = 0, body_bytes = 0;
    std::vector<std::string> remarks;  ///< What an admin should look at before the import.
    std::uint64_t failures = 0;        ///< Pieces that cannot be read.
};

/// Reads the whole database, attachments' bytes apart.
Inventory take_inventory(SourceDatabase& database);

/// Seconds that an import of this takes, about.
double estimated_seconds(const std::vector<Inventory>& databases);

}  // namespace divan::import
