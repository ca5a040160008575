#pragma once

#include <memory>
#include <vector>

#include "storage/engine/engine.h"
#include "storage/engine/rocks_engine.h"

namespace rocksdb {
struct ColumnFamilyDescriptor;
struct DBOptions;
class Env;
}  // namespace rocksdb

namespace divan::storage {

/// RocksDB's way to the operating system, with our handling of the log. Must outlive the store.
std::unique_ptr<rocksdb::Env> make_rocks_env(const RocksOptions& options);

rocksdb::DBOptions rocks_database_options(const RocksOptions& options, rocksdb::Env& env);

/// RocksDB's own "default", unused, and then every `Family` in its order.
std::vector<rocksdb::ColumnFamilyDescriptor> rocks_families(const RocksOptions& options);

}  // namespace divan::storage
