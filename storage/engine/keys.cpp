#include "storage/engine/keys.h"

namespace divan::storage::keys {
namespace {

constexpr std::size_t database_id_bytes = 8;

// After the database, of what indexes have in `Family::index`.
constexpr char in_index_heads = 'h';
constexpr char in_index_nodes = 'n';
constexpr char in_back_references = 'r';

Bytes in_catalog(char kind, std::uint64_t number) {
    Bytes key;
    key.reserve(1 + 8 + 8);
    ByteWriter out(key);
    out.u8(static_cast<std::uint8_t>(kind));
    out.u64(number);
    return key;
}

Bytes in_database(DatabaseId database, std::size_t rest_bytes) {
    Bytes key;
    key.reserve(database_id_bytes + rest_bytes);
    ByteWriter(key).u64(database.value);
    return key;
}

Bytes in_index_family(DatabaseId database, char kind, BytesView rest) {
    auto key = in_database(database, 1 + rest.size());
    key.push_back(kind);
    key.append(rest);
    return key;
}

Bytes in_index(DatabaseId database, char kind, std::uint64_t index, std::size_t rest_bytes) {
    auto key = in_database(database, 1 + 8 + rest_bytes);
    key.push_back(kind);
    ByteWriter(key).u64(index);
    return key;
}

}  // namespace

Bytes catalog_entry(std::string_view name) {
    Bytes key(1, catalog_name);
    key.append(name);
    return key;
}

Bytes next_database_id() {
    return Bytes(1, catalog_next_id);
}

Bytes state(DatabaseId database) {
    return in_catalog(catalog_state, database.value);
}

Bytes settings(DatabaseId database) {
    return in_catalog(catalog_settings, database.value);
}

Bytes former_sequences(DatabaseId database) {
    return in_catalog(catalog_former, database.value);
}

Bytes upload(DatabaseId database, AttachmentId attachment) {
    auto key = in_catalog(catalog_upload, database.value);
    ByteWriter(key).u64(attachment.value);
    return key;
}

Bytes purge(DatabaseId database, std::uint64_t number) {
    auto key = in_catalog(catalog_purge, database.value);
    ByteWriter(key).u64(number);
    return key;
}

Bytes system(char kind, std::string_view key) {
    Bytes bytes{catalog_system, kind};
    bytes.append(key);
    return bytes;
}

Bytes database(DatabaseId database) {
    return in_database(database, 0);
}

Bytes after_prefix(Bytes prefix) {
    while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
    if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
    return prefix;
}

Bytes document(DatabaseId database, std::string_view id) {
    auto key = in_database(database, id.size());
    key.append(id);
    return key;
}

Bytes body(DatabaseId database, std::string_view id, BytesView revision_key) {
    auto key = in_database(database, id.size() + 2 + revision_key.size());
    ByteWriter out(key);
    out.ordered(id);
    out.raw(revision_key);
    return key;
}

Bytes bodies_of(DatabaseId database, std::string_view id) {
    return body(database, id, {});
}

Bytes change(DatabaseId database, Sequence sequence) {
    auto key = in_database(database, 8);
    ByteWriter(key).u64(sequence.value);
    return key;
}

Bytes chunk(DatabaseId database, AttachmentId attachment, std::uint32_t number) {
    auto key = in_database(database, 8 + 4);
    ByteWriter out(key);
    out.u64(attachment.value);
    out.u32(number);
    return key;
}

Bytes chunks_of(DatabaseId database, AttachmentId attachment) {
    auto key = in_database(database, 8);
    ByteWriter(key).u64(attachment.value);
    return key;
}

Bytes local(DatabaseId database, std::string_view id) {
    return document(database, id);
}

Bytes range_count(DatabaseId database, char kind, BytesView first) {
    return in_index_family(database, kind, first);
}

Bytes range_counts_of(DatabaseId database, char kind) {
    return range_count(database, kind, {});
}

Bytes index_heads_of(DatabaseId database) {
    return in_index_family(database, in_index_heads, {});
}

Bytes index_head(DatabaseId database, std::string_view name) {
    return in_index_family(database, in_index_heads, name);
}

Bytes index_nodes_of(DatabaseId database, std::uint64_t index) {
    return in_index(database, in_index_nodes, index, 0);
}

Bytes index_node(DatabaseId database, std::uint64_t index, std::uint32_t tree,
                 std::uint64_t node) {
    auto key = in_index(database, in_index_nodes, index, 4 + 8);
    ByteWriter out(key);
    out.u32(tree);
    out.u64(node);
    return key;
}

Bytes back_references_of(DatabaseId database, std::uint64_t index) {
    return in_index(database, in_back_references, index, 0);
}

Bytes back_references(DatabaseId database, std::uint64_t index, std::string_view id) {
    auto key = in_index(database, in_back_references, index, id.size());
    key.append(id);
    return key;
}

std::string_view index_name_of(BytesView key) {
    if (key.size() <= database_id_bytes) throw CorruptBytes();
    return key.substr(database_id_bytes + 1);
}

std::string_view id_of(BytesView key) {
    if (key.size() < database_id_bytes) throw CorruptBytes();
    return key.substr(database_id_bytes);
}

Sequence sequence_of(BytesView key) {
    ByteReader in(id_of(key));
    return Sequence{in.u64()};
}

}  // namespace divan::storage::keys
