#include "test/tools/import/couch_file_writer.h"

#include <snappy.h>

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/document/client_document.h"

namespace divan::import {
namespace {

constexpr std::uint64_t block_bytes = 4096;
constexpr std::size_t node_bytes = 1279;  // [couchdb] btree_chunk_size
constexpr char version = '\x83';

void append32(std::string& out, std::size_t value) {
    ByteWriter(out).u32(static_cast<std::uint32_t>(value));
}

}  // namespace

namespace term {

std::string integer(std::uint64_t value) {
    std::string out;
    if (value < 256) {
        out = {'a', static_cast<char>(value)};
    } else if (value <= 0x7fffffff) {
        out = "b";
        append32(out, value);
    } else {
        for (; value > 0; value >>= 8) out.push_back(static_cast<char>(value));
        out.insert(0, std::string{'n', static_cast<char>(out.size()), '\0'});
    }
    return out;
}

std::string atom(std::string_view name) {
    return std::string{'d', '\0', static_cast<char>(name.size())}.append(name);
}

std::string binary(std::string_view bytes) {
    std::string out = "m";
    append32(out, bytes.size());
    return out.append(bytes);
}

std::string list(const std::vector<std::string>& items) {
    if (items.empty()) return "j";
    std::string out = "l";
    append32(out, items.size());
    for (const auto& item : items) out += item;
    return out + "j";
}

std::string tuple(const std::vector<std::string>& fields) {
    std::string out{'h', static_cast<char>(fields.size())};
    for (const auto& field : fields) out += field;
    return out;
}

}  // namespace term

void CouchFileWriter::raw(std::string_view bytes) {
    for (const char byte : bytes) {
        if (position() % block_bytes == 0) bytes_.push_back('\0');
        bytes_.push_back(byte);
    }
}

std::uint64_t CouchFileWriter::chunk(std::string piece) {
    if (options_.change) options_.change(piece);
    const auto at = position();
    std::string head;
    append32(head, piece.size() | 1U << 31);
    raw(head);
    raw(as_bytes(md5(piece)));
    raw(piece);
    return at;
}

std::string CouchFileWriter::compressed(const std::string& term) const {
    if (!options_.snappy) return version + term;
    std::string out;
    snappy::Compress((version + term).data(), term.size() + 1, &out);
    return '\1' + out;
}

std::uint64_t CouchFileWriter::term_chunk(const std::string& term) {
    return chunk(compressed(term));
}

std::string CouchFileWriter::attachment_term(const Attachment& attachment) {
    std::vector<std::string> chunks;
    for (std::size_t at = 0; at < attachment.bytes.size(); at += block_bytes) {
        const auto piece = attachment.bytes.substr(at, block_bytes);
        chunks.push_back(term::tuple({term::integer(chunk(piece)), term::integer(piece.size())}));
    }
    const auto size = term::integer(attachment.bytes.size());
    return term::tuple({term::binary(attachment.name), term::binary(attachment.content_type),
                        term::list(chunks), size, size, term::integer(1),
                        term::binary(as_bytes(md5(attachment.bytes))), term::atom("identity")});
}

// {Seq, Deleted, Sizes, [{Start, {Hash, {Deleted, Body, Seq, Sizes, []}, Children}}]}
void CouchFileWriter::add(const std::string& id, const std::vector<Leaf>& leaves) {
    const auto sequence = term::integer(++sequence_);
    const auto sizes = term::tuple({term::integer(100), term::integer(100)});
    std::vector<std::string> forest;
    bool deleted = true;
    for (const auto& leaf : leaves) {
        std::vector<std::string> attachments;
        for (const auto& one : leaf.attachments) attachments.push_back(attachment_term(one));
        const auto body = storage::parse_client_document(leaf.json).value().term;
        const auto halves = term::tuple({term::binary(compressed(body)),
                                         term::binary(compressed(term::list(attachments)))});
        const auto at = chunk(version + halves);
        const auto flag = term::integer(leaf.deleted ? 1 : 0);
        auto value = term::tuple({flag, term::integer(at), sequence, sizes, term::list({})});
        auto branch = term::tuple({term::binary(leaf.path.front()), value, term::list({})});
        for (std::size_t i = 1; i < leaf.path.size(); ++i) {
            const auto hash = term::binary(leaf.path[i]);
            branch = term::tuple({hash, term::list({}), term::list({branch})});
        }
        forest.push_back(
            term::tuple({term::integer(leaf.generation - leaf.path.size() + 1), branch}));
        deleted = deleted && leaf.deleted;
    }
    const auto flag = term::integer(deleted ? 1 : 0);
    const auto stored_tree = term::list(forest);
    by_id_.push_back({term::binary(id), term::tuple({sequence, flag, sizes, stored_tree})});
    by_sequence_.push_back(
        {sequence, term::tuple({term::binary(id), flag, sizes, stored_tree})});
}

void CouchFileWriter::add_local(const std::string& id, const std::string& json) {
    const auto body = storage::parse_client_document(json).value().term;
    locals_.push_back({term::binary("_local/" + id), term::tuple({term::integer(1), body})});
}

void CouchFileWriter::add_purge(const std::string& id, const std::string& hash) {
    const auto number = term::integer(purges_.size() + 1);
    const auto uuid = term::binary(hash);
    const auto revisions = term::list({term::tuple({term::integer(1), term::binary(hash)})});
    purges_.push_back({uuid, term::tuple({number, term::binary(id), revisions})});
    purges_by_sequence_.push_back({number, term::tuple({uuid, term::binary(id), revisions})});
}

std::string CouchFileWriter::take() {
    taken_ += bytes_.size();
    return std::exchange(bytes_, {});
}

// The nodes of one level after the other; {Pointer, Reduction, Size} of the root.
std::string CouchFileWriter::tree(const std::vector<Entry>& entries) {
    if (entries.empty()) return term::atom("nil");
    std::vector<Entry> level = entries;
    for (const char* kind = "kv_node"; true; kind = "kp_node") {
        std::vector<Entry> above;
        for (std::size_t at = 0; at < level.size();) {
            std::vector<std::string> items;
            std::string last;
            for (std::size_t bytes = 0; at < level.size() && bytes < node_bytes; ++at) {
                items.push_back(term::tuple({level[at].key, level[at].value}));
                bytes += items.back().size();
                last = level[at].key;
            }
            const auto node =
                term_chunk(term::tuple({term::atom(kind), term::list(items)}));
            above.push_back({last, term::tuple({term::integer(node), term::integer(0),
                                                term::integer(0)})});
        }
        if (above.size() == 1) return above.front().value;
        level = std::move(above);
    }
}

std::string CouchFileWriter::finish() {
    // CouchDB's order of binaries: byte by byte, whatever their lengths.
    constexpr std::size_t head_bytes = 5;
    std::sort(by_id_.begin(), by_id_.end(), [](const Entry& one, const Entry& other) {
        return one.key.compare(head_bytes, one.key.npos, other.key, head_bytes,
                               other.key.npos) < 0;
    });
    const auto ids = tree(by_id_);
    const auto sequences = tree(by_sequence_);
    const auto locals = tree(locals_);
    const auto purges = tree(purges_);
    const auto purges_by_sequence = tree(purges_by_sequence_);
    const auto security = options_.security.empty()
                              ? term::atom("nil")
                              : term::integer(term_chunk(options_.security));
    auto header = version + term::tuple({term::atom("db_header"), term::integer(8),
                                         term::integer(sequence_), term::integer(0), ids, sequences,
                                         locals, purges, purges_by_sequence, security,
                                         term::integer(1000), term::binary(std::string(32, 'a')),
                                         term::list({}), term::integer(0), term::integer(1000),
                                         term::atom("undefined")});
    if (options_.change) options_.change(header);
    bytes_.resize(bytes_.size() + (block_bytes - position() % block_bytes) % block_bytes, '\0');
    bytes_.push_back('\1');
    std::string head;
    append32(head, header.size() + 16);
    raw(head);
    raw(as_bytes(md5(header)));
    raw(header);
    bytes_.resize(bytes_.size() + (block_bytes - position() % block_bytes) % block_bytes, '\0');
    return take();
}

}  // namespace divan::import
