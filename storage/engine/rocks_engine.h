#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "storage/engine/engine.h"

namespace divan::storage {

struct RocksOptions {
    std::size_t block_cache_bytes = 64U << 20;
    std::size_t write_buffer_bytes = 32U << 20;  ///< A family's memtable.
    int background_threads = 2;
    int open_files_max = 512;  ///< Table files that are kept open.
    /// A commit is refused with `storage_full` where the disk has less left than this, a batch that
    /// erases a range (and so makes room) where it has less than half of it.
    std::uintmax_t free_bytes_min = 32U << 20;
    /// A commit of so many bytes or more is written as sorted files that the store takes over,
    /// instead of by its log, and is always synced: for a tool that fills a store. 0: never.
    std::size_t ingest_bytes_min = 0;
    bool sync_writes = true;   ///< Off in tests that make many stores: nothing is then synced.
};

/// Opens, or makes, the store in `folder`. Throws `EngineFailure` with one clear line where the
/// folder is locked by another process, has an unknown format or cannot be written.
///
/// The engine must outlive its snapshots and cursors. Destroying it makes every commit durable.
std::unique_ptr<Engine> open_rocks_engine(const std::filesystem::path& folder,
                                          const RocksOptions& options = {});

}  // namespace divan::storage
