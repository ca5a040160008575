#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/error.h"

namespace divan::server {

/// Bytes `first` to `last`, both included.
struct ByteRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;

    std::uint64_t size() const { return last - first + 1; }
    bool operator==(const ByteRange&) const = default;
};

/// What a Range header asks for of `total` bytes: possibly nothing at all ("bytes="). Empty where
/// the whole is to be sent: no byte ranges, unreadable ones, one from the very beginning to the end
/// (chttpd_db:parse_ranges/2). Refuses with `bad_range` where one cannot be had.
Result<std::optional<std::vector<ByteRange>>> parse_byte_ranges(const std::string* header,
                                                                std::uint64_t total);

/// "bytes 0-9/10".
std::string content_range(const ByteRange& range, std::uint64_t total);

/// Whether an Accept-Encoding header has room for gzip. Refuses with `not_acceptable` where it has
/// room for nothing; one that cannot be read counts as absent.
Result<bool> accepts_gzip(const std::string* header);

}  // namespace divan::server
