#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace divan::import {

/// Where an index of the file has its root; empty for an index without entries.
using Root = std::optional<std::uint64_t>;

/// The header of a database file, of any layout that disk versions 5 to 8 had.
struct DatabaseHeader {
    int disk_version = 0;
    std::uint64_t update_sequence = 0;
    Root ids;        ///< Documents by id.
    std::optional<std::uint64_t> documents;  ///< How many that index says it has.
    Root sequences;  ///< Documents by their last change.
    Root locals;
    Root purges;     ///< By purge sequence; of version 7 and later.
    std::optional<std::uint64_t> security;  ///< Pointers to terms.
    std::optional<std::uint64_t> properties;
    std::uint64_t revisions_limit = 1000;
    std::uint64_t purged_infos_limit = 1000;
    std::string uuid;  ///< Empty where the file is older than that.
    struct Epoch {
        std::string node;
        std::uint64_t since;
    };
    std::vector<Epoch> epochs;  ///< Which node counted changes from where on, newest first.
};

/// Throws `Damage` where `term` is the header of something else, or of a version that no reader
/// here knows. couch_bt_engine_header:upgrade/1.
DatabaseHeader parse_database_header(std::string_view term);

}  // namespace divan::import
