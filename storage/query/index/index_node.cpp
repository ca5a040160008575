#include "storage/query/index/index_node.h"

#include <algorithm>

namespace divan::storage {
namespace {

enum : std::uint8_t { leaf_mark = 0, inner_mark = 1 };

constexpr std::size_t row_frame_bytes = 6;
constexpr std::size_t child_frame_bytes = 8;

/// A count of things that take at least a byte each is never more than the bytes there are.
std::size_t count_of(ByteReader& in) {
    const auto count = in.varint();
    if (count > in.rest().size()) throw CorruptBytes();
    return static_cast<std::size_t>(count);
}

}  // namespace

BytesView IndexRow::place() const {
    // The end of an `ordered` id: 0 1, as a 0 within it is followed by 255.
    for (std::size_t at = collation_bytes; at + 1 < entry.size(); ++at) {
        if (entry[at] != '\0') continue;
        if (entry[at + 1] == '\x01') return entry.substr(0, at + 2);
        ++at;
    }
    throw CorruptBytes();
}

Bytes IndexRow::id() const {
    return ByteReader(entry.substr(collation_bytes)).ordered();
}

IndexNode IndexNode::decode(BytesView bytes) {
    IndexNode node;
    ByteReader in(bytes);
    node.leaf = in.u8() == leaf_mark;
    auto left = count_of(in);
    if (node.leaf) {
        node.rows.reserve(left);
        for (; left > 0; --left) {
            auto& row = node.rows.emplace_back();
            row.collation_bytes = static_cast<std::uint32_t>(in.varint());
            row.entry = in.sized();
            row.key = in.sized();
            row.value = in.sized();
            if (row.collation_bytes > row.entry.size()) throw CorruptBytes();
        }
        return node;
    }
    node.children.reserve(left);
    for (; left > 0; --left) {
        auto& child = node.children.emplace_back();
        child.lower = in.sized();
        child.node = in.varint();
        child.rows = in.varint();
        child.reductions = in.sized();
    }
    return node;
}

BytesView IndexNode::reduction(BytesView reductions, std::size_t reducer) {
    ByteReader in(reductions);
    for (; reducer > 0; --reducer) in.sized();
    return in.sized();
}

Bytes encode_leaf(const std::vector<IndexRow>& rows) {
    Bytes bytes;
    std::size_t size = 8;
    for (const auto& row : rows) size += stored_bytes(row);
    bytes.reserve(size);
    ByteWriter out(bytes);
    out.u8(leaf_mark);
    out.varint(rows.size());
    for (const auto& row : rows) {
        out.varint(row.collation_bytes);
        out.sized(row.entry);
        out.sized(row.key);
        out.sized(row.value);
    }
    return bytes;
}

Bytes encode_inner(const std::vector<IndexChild>& children) {
    Bytes bytes;
    ByteWriter out(bytes);
    out.u8(inner_mark);
    out.varint(children.size());
    for (const auto& child : children) {
        out.sized(child.lower);
        out.varint(child.node);
        out.varint(child.rows);
        out.sized(child.reductions);
    }
    return bytes;
}

std::size_t stored_bytes(const IndexRow& row) {
    return row.entry.size() + row.key.size() + row.value.size() + row_frame_bytes;
}

std::size_t stored_bytes(const IndexChild& child) {
    return child.lower.size() + child.reductions.size() + child_frame_bytes;
}

}  // namespace divan::storage
