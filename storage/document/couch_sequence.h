#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace divan::storage {

/// How far one shard of a CouchDB is, as an update sequence of its cluster says it.
struct CouchShardSequence {
    std::uint32_t begin = 0, end = 0;  ///< The shard's range.
    std::uint64_t number = 0;
    /// The first characters of the shard file's uuid, and the node that wrote `number`. Both are
    /// empty where the sequence does not say them; then it names no certain state of any file.
    std::string uuid, node;

    bool operator==(const CouchShardSequence&) const = default;
};

/// Reads "N-OPAQUE", the update sequence of a CouchDB since 2.0 or a Cloudant: an Erlang term in
/// URL-safe base64, mostly compressed. Null where it is none. The text may be anybody's: no more
/// than 256 KB are unpacked. fabric_view_changes:pack_seqs/1.
std::optional<std::vector<CouchShardSequence>> parse_couch_sequence(std::string_view text);

}  // namespace divan::storage
