#pragma once

#include <compare>
#include <cstdint>

namespace divan {

/// Names a database in every key. Never used again after the database is deleted.
struct DatabaseId {
    std::uint64_t value = 0;
    auto operator<=>(const DatabaseId&) const = default;
};

/// The number of a change in one database: 1 for the first. 0 is "before everything".
struct Sequence {
    std::uint64_t value = 0;
    auto operator<=>(const Sequence&) const = default;
};

/// Names the bytes of one attachment within its document.
struct AttachmentId {
    std::uint64_t value = 0;
    auto operator<=>(const AttachmentId&) const = default;
};

}  // namespace divan
