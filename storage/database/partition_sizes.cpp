#include "storage/database/partition_sizes.h"

#include <algorithm>

#include "storage/database/partition_info.h"

namespace divan::storage {

std::uint64_t PartitionSizes::bytes(const Database& database, std::string_view partition) {
    if (const auto* known = known_.find(partition)) return *known;
    return known_.put(partition, partition_info(*database.view(), partition).bytes);
}

void PartitionSizes::add(const Changes& changes) {
    for (const auto& [partition, change] : changes) {
        auto* bytes = known_.find(partition);
        if (bytes == nullptr) continue;
        const auto less = static_cast<std::uint64_t>(-change);
        *bytes = change >= 0 ? *bytes + static_cast<std::uint64_t>(change)
                             : *bytes - std::min(*bytes, less);
    }
}

}  // namespace divan::storage
