#pragma once

#include <string>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/document/couch_sequence.h"

namespace divan::storage {

/// "N-OPAQUE" as fabric_view_changes:pack_seqs/1 makes it, but not compressed.
inline std::string couch_sequence_text(const std::vector<CouchShardSequence>& shards) {
    Bytes term;
    ByteWriter out(term);
    const auto atom = [&](const std::string& name) {
        out.u8(119);
        out.u8(static_cast<std::uint8_t>(name.size()));
        out.raw(name);
    };
    const auto integer = [&](std::uint64_t value) {
        out.u8(110);
        out.u8(8);
        out.u8(0);
        for (int at = 0; at < 8; ++at) out.u8(static_cast<std::uint8_t>(value >> (8 * at)));
    };
    std::uint64_t sum = 0;
    out.u8(131);
    out.u8(108);
    out.u32(static_cast<std::uint32_t>(shards.size()));
    for (const auto& shard : shards) {
        sum += shard.number;
        out.raw("h\3");
        atom(shard.node);
        out.u8(108);
        out.u32(2);
        integer(shard.begin);
        integer(shard.end);
        out.raw("jh\3");
        integer(shard.number);
        out.u8(109);
        out.u32(static_cast<std::uint32_t>(shard.uuid.size()));
        out.raw(shard.uuid);
        atom(shard.node);
    }
    out.u8(106);
    return std::to_string(sum) + "-" + base64url_encode(term);
}

}  // namespace divan::storage
