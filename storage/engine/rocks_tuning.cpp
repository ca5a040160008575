#include "storage/engine/rocks_tuning.h"

#include <rocksdb/advanced_options.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <array>
#include <string>

// What a commit costs is the log's fdatasync, and what that costs is whether the file's size
// changes: if it does, the file system commits its journal as well. Two ways to avoid it:
//
// - RocksDB's recycled log files (`recycle_log_file_num`). It switches them off by itself in every
//   recovery mode but `kSkipAnyCorruptedRecords`, which drops damaged records in the middle and
//   goes on: later commits could then stand on lost ones. Not for us.
// - Logs allocated ahead with their full size (`LogFiles` below). The rest of such a file reads as
//   zeros, which every recovery mode takes for the end of the log.
//
// `kPointInTimeRecovery`: after a power loss the last, unacknowledged record may be torn. Replay
// ends before it, so a batch is there as a whole or not at all; each record has a checksum. What
// was acknowledged was on the disk before, as fdatasync had returned, and precedes the torn record.
// `kTolerateCorruptedTailRecords` would refuse to start, since a torn record that is followed by
// allocated zeros is not the file's end.

namespace divan::storage {
namespace {

constexpr std::size_t mebibyte = 1U << 20;

class LogFiles : public rocksdb::FileSystemWrapper {
public:
    LogFiles() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

    const char* Name() const override { return "DivanLogFiles"; }

    rocksdb::FileOptions OptimizeForLogWrite(const rocksdb::FileOptions& file_options,
                                             const rocksdb::DBOptions& options) const override {
        auto optimized = FileSystemWrapper::OptimizeForLogWrite(file_options, options);
        optimized.fallocate_with_keep_size = false;
        return optimized;
    }
};

// For tests: to open a store costs a score of syncs, whatever is written to it.

class UnsyncedFile final : public rocksdb::FSWritableFileOwnerWrapper {
public:
    using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;

    rocksdb::IOStatus Sync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
        return rocksdb::IOStatus::OK();
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
        return rocksdb::IOStatus::OK();
    }
};

class UnsyncedFolder final : public rocksdb::FSDirectoryWrapper {
public:
    using FSDirectoryWrapper::FSDirectoryWrapper;

    rocksdb::IOStatus Fsync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
        return rocksdb::IOStatus::OK();
    }
    rocksdb::IOStatus FsyncWithDirOptions(const rocksdb::IOOptions&, rocksdb::IODebugContext*,
                                          const rocksdb::DirFsyncOptions&) override {
        return rocksdb::IOStatus::OK();
    }
};

class UnsyncedFiles final : public LogFiles {
public:
    const char* Name() const override { return "DivanUnsyncedFiles"; }

    rocksdb::IOStatus NewWritableFile(const std::string& name,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                      rocksdb::IODebugContext* debug) override {
        auto status = LogFiles::NewWritableFile(name, options, result, debug);
        if (status.ok()) *result = std::make_unique<UnsyncedFile>(std::move(*result));
        return status;
    }
    rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                   std::unique_ptr<rocksdb::FSDirectory>* result,
                                   rocksdb::IODebugContext* debug) override {
        auto status = LogFiles::NewDirectory(name, options, result, debug);
        if (status.ok()) *result = std::make_unique<UnsyncedFolder>(std::move(*result));
        return status;
    }
};

struct FamilyTuning {
    const char* name;
    std::size_t write_buffer_divisor;  ///< Of `RocksOptions::write_buffer_bytes`.
    std::size_t block_bytes;
    double filter_bits;  ///< A key. None where nothing is looked up that may be absent.
    bool blob_files;
};

// In the order of `Family`. Small blocks where single keys are looked up, large ones where runs of
// keys are read. A look-up that misses the cache unpacks a block: of JSON texts 5 us for 4 KiB, 6
// us for 8 KiB, 8 us for 16 KiB.
constexpr std::array<FamilyTuning, family_count> tunings{{
    {"catalog", 4, 4U << 10, 10, false},
    {"docs", 2, 8U << 10, 10, false},
    {"bodies", 1, 8U << 10, 10, false},
    {"changes", 2, 16U << 10, 0, false},
    {"attachments", 1, 16U << 10, 0, true},
    {"local", 4, 4U << 10, 10, false},
    {"index", 1, 16U << 10, 10, false},
}};

std::shared_ptr<rocksdb::TableFactory> table_factory(const FamilyTuning& tuning,
                                                     const std::shared_ptr<rocksdb::Cache>& cache) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.block_size = tuning.block_bytes;
    table.format_version = 5;
    // Quick on every processor; what RocksDB computes CRC-32C for besides see rocks_checksum.cpp.
    table.checksum = rocksdb::kXXH3;
    // Filters and indexes count against the cache, so that memory has one limit however many
    // files there are; those of young files, which every look-up asks, stay.
    table.cache_index_and_filter_blocks = true;
    table.metadata_cache_options.unpartitioned_pinning = rocksdb::PinningTier::kFlushedAndSimilar;
    table.metadata_cache_options.top_level_index_pinning = rocksdb::PinningTier::kAll;
    if (tuning.filter_bits > 0) {
        table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(tuning.filter_bits));
    }
    table.max_auto_readahead_size = mebibyte;
    return std::shared_ptr<rocksdb::TableFactory>(rocksdb::NewBlockBasedTableFactory(table));
}

// Files that are taken over in no order of keys overlap all that is there: each merge writes all of
// it again, so many files are to be merged at once. Look-ups ask each file's filter meanwhile.
// Fewer than a store that is opened as usual stops writing at (36).
void merge_seldom(rocksdb::ColumnFamilyOptions& family) {
    constexpr int files = 32;
    family.level0_file_num_compaction_trigger = files;
    family.level0_slowdown_writes_trigger = 4 * files;
    family.level0_stop_writes_trigger = 8 * files;
}

rocksdb::ColumnFamilyOptions family_options(const FamilyTuning& tuning, const RocksOptions& options,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
    rocksdb::ColumnFamilyOptions family;
    family.table_factory = table_factory(tuning, cache);
    family.write_buffer_size = options.write_buffer_bytes / tuning.write_buffer_divisor;
    // Memory is taken in steps of this, by every family that was ever written.
    family.arena_block_size = 256U << 10;
    family.max_write_buffer_number = 4;
    family.level_compaction_dynamic_level_bytes = true;
    family.target_file_size_base = 64 * mebibyte;
    family.max_bytes_for_level_base = 256 * mebibyte;
    // Of JSON texts it leaves 41 %, at no more processor time than writing them plain. zstd leaves
    // 25 %, but a look-up that misses the cache then takes more than twice as long.
    family.compression = rocksdb::kLZ4Compression;
    if (options.ingest_bytes_min > 0) merge_seldom(family);
    if (tuning.blob_files) {
        family.enable_blob_files = true;
        family.min_blob_size = 4U << 10;
        family.blob_file_size = 256 * mebibyte;
        // Chunks are often gzip already.
        family.blob_compression_type = rocksdb::kNoCompression;
        // Only files that are mostly garbage are worth moving what is left in them.
        family.enable_blob_garbage_collection = true;
        family.blob_garbage_collection_age_cutoff = 0.25;
        family.blob_garbage_collection_force_threshold = 0.5;
    }
    return family;
}

}  // namespace

std::unique_ptr<rocksdb::Env> make_rocks_env(const RocksOptions& options) {
    if (options.sync_writes) return rocksdb::NewCompositeEnv(std::make_shared<LogFiles>());
    return rocksdb::NewCompositeEnv(std::make_shared<UnsyncedFiles>());
}

rocksdb::DBOptions rocks_database_options(const RocksOptions& options, rocksdb::Env& env) {
    rocksdb::DBOptions database;
    database.env = &env;
    database.create_if_missing = true;
    database.create_missing_column_families = true;
    database.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    database.max_background_jobs = std::max(2, options.background_threads);
    database.max_open_files = options.open_files_max;
    // What all families together may hold in memory, and what a start may have to replay.
    database.db_write_buffer_size = 3 * options.write_buffer_bytes;
    database.max_total_wal_size = 8 * options.write_buffer_bytes;
    // Large files go to the disk bit by bit: otherwise a log's sync waits behind all of one.
    database.bytes_per_sync = mebibyte;
    database.avoid_unnecessary_blocking_io = true;
    database.skip_stats_update_on_db_open = true;
    database.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
    database.max_log_file_size = mebibyte;
    database.keep_log_file_num = 2;
    database.stats_dump_period_sec = 0;
    database.stats_persist_period_sec = 0;
    return database;
}

std::vector<rocksdb::ColumnFamilyDescriptor> rocks_families(const RocksOptions& options) {
    const auto cache = rocksdb::NewLRUCache(options.block_cache_bytes);
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    // Never written; but logs are allocated ahead, and disk space is kept in reserve, for the
    // largest memtable there is.
    rocksdb::ColumnFamilyOptions unused;
    unused.write_buffer_size = options.write_buffer_bytes;
    families.emplace_back(rocksdb::kDefaultColumnFamilyName, unused);
    for (const auto& tuning : tunings) {
        families.emplace_back(tuning.name, family_options(tuning, options, cache));
    }
    return families;
}

}  // namespace divan::storage
