#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "storage/base/lru_map.h"

namespace divan::storage {

class Database;

/// How large the partitions of a database are, for a limit: counted when first asked for, kept up
/// to date by what is committed. Used under the commit lock.
class PartitionSizes {
public:
    using Changes = std::map<std::string, std::int64_t, std::less<>>;

    /// `PartitionInfo::bytes`. Costs the partition's length the first time.
    std::uint64_t bytes(const Database& database, std::string_view partition);
    /// What a commit changed, in bytes.
    void add(const Changes& changes);

private:
    static constexpr std::size_t known_max = 1000;

    LruMap<std::uint64_t> known_{known_max};
};

}  // namespace divan::storage
