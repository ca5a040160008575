#pragma once

#include <cstdint>
#include <vector>

#include "storage/base/bytes.h"

namespace divan::storage {

/// About how many different keys there are: HyperLogLog with 2^11 registers, over the SHA-1 of the
/// keys' Erlang terms, which makes the numbers CouchDB's (couch_hyper).
class DistinctCount {
public:
    DistinctCount();
    /// Throws `CorruptBytes`.
    static DistinctCount decode(BytesView bytes);
    Bytes encode() const;

    /// `key` is JSON text.
    void add(BytesView key);
    void add(const DistinctCount& other);
    std::uint64_t estimate() const;

private:
    std::vector<std::uint8_t> registers_;
};

}  // namespace divan::storage
