#include "storage/document/couch_sequence.h"

#include <algorithm>
#include <limits>

#include "storage/base/bytes.h"
#include "storage/base/crypto.h"
#include "storage/base/erlang_term.h"
#include "storage/base/inflater.h"

namespace divan::storage {
namespace {

constexpr std::size_t text_bytes_max = 64U << 10;
constexpr std::size_t term_bytes_max = 256U << 10;

constexpr int tag_of(TermTag tag) {
    return static_cast<int>(tag);
}

// Tags that terms of JSON do not have.
constexpr int compressed = 80;
constexpr int small_atom = 115;
constexpr int atom_utf8 = 118;
constexpr int small_atom_utf8 = 119;

[[noreturn]] void no_sequence() {
    throw CorruptBytes();
}

Bytes inflated(BytesView in) {
    Inflater inflater(Inflater::Rest::passed_over, Inflater::Format::zlib);
    Bytes out;
    if (!inflater.step(in, out, term_bytes_max) || !inflater.finished()) no_sequence();
    return out;
}

std::uint64_t number(ByteReader& in) {
    switch (in.u8()) {
        case tag_of(TermTag::small_integer): return in.u8();
        case tag_of(TermTag::integer): {
            const auto value = in.u32();
            if (value > static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max())) {
                no_sequence();
            }
            return value;
        }
        case tag_of(TermTag::small_big): {
            const std::size_t size = in.u8();
            if (in.u8() != 0 || size > sizeof(std::uint64_t)) no_sequence();
            std::uint64_t value = 0;
            const auto bytes = in.raw(size);
            for (std::size_t at = size; at > 0; --at) {
                value = value << 8 | static_cast<unsigned char>(bytes[at - 1]);
            }
            return value;
        }
        default: no_sequence();
    }
}

BytesView name(ByteReader& in) {
    const auto tag = in.u8();
    const bool small = tag == small_atom || tag == small_atom_utf8;
    if (!small && tag != tag_of(TermTag::atom) && tag != atom_utf8) no_sequence();
    const std::size_t high = small ? 0 : in.u8();
    return in.raw(high << 8 | in.u8());
}

void expect(ByteReader& in, int tag) {
    if (in.u8() != tag) no_sequence();
}

std::uint32_t range_end(ByteReader& in) {
    const auto value = number(in);
    if (value > std::numeric_limits<std::uint32_t>::max()) no_sequence();
    return static_cast<std::uint32_t>(value);
}

// Number, {Number, Uuid}, {Number, Uuid, Node}, or {Number, {split, Uuid}, Node}.
void read_number(ByteReader& in, CouchShardSequence& shard) {
    const auto first = static_cast<unsigned char>(in.rest().empty() ? 0 : in.rest().front());
    if (first != tag_of(TermTag::tuple)) {
        shard.number = number(in);
        shard.node.clear();
        return;
    }
    in.u8();
    const auto parts = in.u8();
    if (parts != 2 && parts != 3) no_sequence();
    shard.number = number(in);
    const auto tag = in.u8();
    if (tag == tag_of(TermTag::binary)) {
        shard.uuid = in.raw(in.u32());
    } else if (tag == tag_of(TermTag::tuple) && in.u8() == 2) {
        name(in);
        expect(in, tag_of(TermTag::binary));
        in.raw(in.u32());
    } else {
        no_sequence();
    }
    if (parts == 3) shard.node = name(in);
}

// {Node, [Begin, End], …}
CouchShardSequence read_shard(ByteReader& in) {
    CouchShardSequence shard;
    expect(in, tag_of(TermTag::tuple));
    if (in.u8() != 3) no_sequence();
    shard.node = name(in);
    expect(in, tag_of(TermTag::list));
    if (in.u32() != 2) no_sequence();
    shard.begin = range_end(in);
    shard.end = range_end(in);
    expect(in, tag_of(TermTag::nil));
    read_number(in, shard);
    return shard;
}

std::vector<CouchShardSequence> read_term(BytesView term) {
    ByteReader in(term);
    expect(in, term_version);
    Bytes unpacked;
    if (!in.empty() && static_cast<unsigned char>(in.rest().front()) == compressed) {
        in.u8();
        in.u32();  // the size, which the data tells by themselves
        unpacked = inflated(in.rest());
        in = ByteReader(unpacked);
    }
    std::vector<CouchShardSequence> shards;
    const auto first = in.u8();
    if (first == tag_of(TermTag::list)) {
        for (auto left = in.u32(); left > 0; --left) shards.push_back(read_shard(in));
        expect(in, tag_of(TermTag::nil));
    } else if (first != tag_of(TermTag::nil)) {
        no_sequence();
    }
    if (!in.empty()) no_sequence();
    return shards;
}

}  // namespace

std::optional<std::vector<CouchShardSequence>> parse_couch_sequence(std::string_view text) {
    if (text.size() > text_bytes_max) return std::nullopt;
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits > 0 && digits < text.size() && text[digits] == '-') text.remove_prefix(digits + 1);
    const auto term = base64url_decode(text);
    if (!term) return std::nullopt;
    try {
        return read_term(*term);
    } catch (const CorruptBytes&) {
        return std::nullopt;
    }
}

}  // namespace divan::storage
