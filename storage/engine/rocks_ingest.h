#pragma once

#include <filesystem>
#include <mutex>
#include <vector>

#include "storage/engine/engine.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Snapshot;
class Status;
}  // namespace rocksdb

namespace divan::storage {

/// Brings large batches into a store as sorted files, which RocksDB takes over as they are: no log,
/// no memtable, mostly no compaction. Any thread.
class RocksIngest {
public:
    /// `folder` is where files are made, on the store's disk; what a crash left there is removed.
    explicit RocksIngest(std::filesystem::path folder);

    /// Whether this batch can go that way: no range erasures, and nothing for blob files, which
    /// sorted files do not have.
    static bool fits(const Batch& batch);
    /// All of it or nothing, on the disk when it returns. `families` are in the order of `Family`.
    rocksdb::Status ingest(rocksdb::DB& db,
                           const std::vector<rocksdb::ColumnFamilyHandle*>& families,
                           const Batch& batch) const;
    /// A snapshot, never of a moment in the middle of an `ingest`. The caller releases it.
    const rocksdb::Snapshot* snapshot(rocksdb::DB& db) const;
    /// When the last batch is in: merges the young files that are left, so that the store is as
    /// quick as one that was written in small steps. Gives up where the store fails.
    static void settle(rocksdb::DB& db, const std::vector<rocksdb::ColumnFamilyHandle*>& families);

private:
    std::filesystem::path folder_;
    mutable std::mutex taking_over_;
};

}  // namespace divan::storage
