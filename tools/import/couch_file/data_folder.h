#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace divan::import {

/// A database of a CouchDB data folder, and the files that hold its parts: one, or one a shard.
struct FolderDatabase {
    std::string name;
    std::vector<std::filesystem::path> files;  ///< Sorted by range.
    std::vector<std::filesystem::path> missing;  ///< Named by `_dbs`, but not there.
    /// Of the files; empty where one file is the database.
    struct Range {
        std::uint32_t begin, end;
    };
    std::vector<Range> ranges;
    bool partitioned = false;
};

/// What a folder holds, sorted by name: `shards/RANGE/NAME.SUFFIX.couch` as `_dbs.couch` lists
/// them (CouchDB 2 and 3), and single files `NAME.couch` (CouchDB 1), where a folder in the path
/// is a slash in the name. A path to one `.couch` file gives that file as a database.
///
/// Without a readable `_dbs.couch` shards are joined by their names, the newest suffix of each
/// name; `told` hears of that, and of shards that `_dbs` does not know. Throws `Damage` where
/// `source` is neither, and `std::filesystem::filesystem_error`.
std::vector<FolderDatabase> databases_in(const std::filesystem::path& source,
                                         const std::function<void(const std::string&)>& told);

}  // namespace divan::import
