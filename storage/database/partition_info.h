#pragma once

#include <cstdint>
#include <string_view>

#include "storage/database/read_view.h"

namespace divan::storage {

/// The numbers of one partition. CouchDB keeps them in its tree of ids; here they are counted when
/// asked for, which costs the partition's length.
struct PartitionInfo {
    std::uint64_t document_count = 0;
    std::uint64_t deleted_count = 0;
    std::uint64_t bytes = 0;  ///< JSON text of leaf revisions, and stored attachments.
};

PartitionInfo partition_info(const ReadView& view, std::string_view partition);

}  // namespace divan::storage
