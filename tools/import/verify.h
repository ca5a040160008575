#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tools/import/source.h"
#include "tools/import/target.h"

namespace divan::import {

/// One thing that is not the same on both sides.
struct Difference {
    std::string database;
    std::string what;  ///< A document and leaf, a setting.
    std::string how;
};

struct Verified {
    std::uint64_t documents = 0, leaves = 0, attachments = 0, locals = 0;
    std::uint64_t differences = 0;
};

/// Compares a database of the source with the target's: every leaf revision with its ancestors,
/// deletion, body, and attachment bytes (both sides are read and their MD5 computed), local
/// documents, `_security` and whether it is partitioned; and the number of documents, so that what
/// the target has besides is told too.
Verified verify_database(SourceDatabase& from, TargetDatabase& to,
                         const std::function<void(const Difference&)>& differs);

}  // namespace divan::import
