#include "storage/database/record.h"

namespace divan::storage {
namespace {

constexpr std::uint8_t head_deleted = 1;
constexpr std::uint8_t head_several_leaves = 2;

constexpr std::uint8_t body_deleted = 1;
constexpr std::uint8_t body_has_attachments = 2;

constexpr std::uint8_t leaf_deleted = 1;

void write_revision(ByteWriter& out, const Revision& revision) {
    out.varint(revision.generation);
    out.sized(revision.hash.bytes());
}

Revision read_revision(ByteReader& in) {
    const auto generation = in.varint();
    return {generation, RevisionHash(in.sized())};
}

RecordHead read_head(ByteReader& in) {
    RecordHead head;
    head.sequence = Sequence{in.varint()};
    const auto flags = in.u8();
    head.deleted = (flags & head_deleted) != 0;
    head.several_leaves = (flags & head_several_leaves) != 0;
    head.winner = read_revision(in);
    return head;
}

void write_attachment(ByteWriter& out, const StoredAttachment& attachment) {
    out.sized(attachment.name);
    out.sized(attachment.content_type);
    out.varint(attachment.revpos);
    out.u64(attachment.id.value);
    out.raw(as_bytes(attachment.digest));
    out.varint(attachment.stored_bytes);
    out.varint(attachment.identity_bytes);
    out.u8(static_cast<std::uint8_t>(attachment.encoding));
}

StoredAttachment read_attachment(ByteReader& in) {
    StoredAttachment attachment;
    attachment.name = in.sized();
    attachment.content_type = in.sized();
    attachment.revpos = in.varint();
    attachment.id = AttachmentId{in.u64()};
    const auto digest = in.raw(attachment.digest.size());
    std::copy(digest.begin(), digest.end(), attachment.digest.begin());
    attachment.stored_bytes = in.varint();
    attachment.identity_bytes = in.varint();
    const auto encoding = in.u8();
    if (encoding > static_cast<std::uint8_t>(AttachmentEncoding::gzip)) throw CorruptBytes();
    attachment.encoding = static_cast<AttachmentEncoding>(encoding);
    return attachment;
}

}  // namespace

Bytes DocumentRecord::encode() const {
    Bytes bytes;
    ByteWriter out(bytes);
    const auto& winner = tree.node(tree.winner());
    std::size_t leaves = 0;
    for (const auto& node : tree.nodes()) leaves += node.leaf ? 1 : 0;

    out.varint(sequence.value);
    out.u8(static_cast<std::uint8_t>((winner.deleted ? head_deleted : 0) |
                                     (leaves > 1 ? head_several_leaves : 0)));
    write_revision(out, winner.revision);
    tree.encode(bytes);
    return bytes;
}

DocumentRecord DocumentRecord::decode(BytesView bytes) {
    ByteReader in(bytes);
    DocumentRecord record;
    record.sequence = read_head(in).sequence;
    record.tree = RevisionTree::decode(in);
    if (record.tree.empty()) throw CorruptBytes();
    return record;
}

RecordHead DocumentRecord::decode_head(BytesView bytes) {
    ByteReader in(bytes);
    return read_head(in);
}

Bytes StoredBody::encode(bool deleted, const std::vector<StoredAttachment>& attachments,
                         BytesView text) {
    Bytes bytes;
    bytes.reserve(text.size() + 1 + attachments.size() * 96);
    ByteWriter out(bytes);
    out.u8(static_cast<std::uint8_t>((deleted ? body_deleted : 0) |
                                     (attachments.empty() ? 0 : body_has_attachments)));
    if (!attachments.empty()) {
        out.varint(attachments.size());
        for (const auto& attachment : attachments) write_attachment(out, attachment);
    }
    out.raw(text);
    return bytes;
}

StoredBody StoredBody::decode(Bytes bytes) {
    StoredBody body;
    body.bytes_ = std::move(bytes);
    ByteReader in(body.bytes_);
    const auto flags = in.u8();
    body.deleted_ = (flags & body_deleted) != 0;
    if ((flags & body_has_attachments) != 0) {
        for (auto left = in.varint(); left > 0; --left) {
            body.attachments_.push_back(read_attachment(in));
        }
    }
    body.text_at_ = body.bytes_.size() - in.rest().size();
    if (in.rest().size() < 2) throw CorruptBytes();
    return body;
}

const StoredAttachment* StoredBody::attachment(std::string_view name) const {
    for (const auto& attachment : attachments_) {
        if (attachment.name == name) return &attachment;
    }
    return nullptr;
}

Bytes Change::encode(std::string_view id, const RevisionTree& tree) {
    Bytes bytes;
    ByteWriter out(bytes);
    out.sized(id);
    const auto write_leaf = [&](const RevisionNode& node) {
        out.u8(node.deleted ? leaf_deleted : 0);
        write_revision(out, node.revision);
    };
    if (tree.nodes().size() == 1) {
        out.varint(1);
        write_leaf(tree.node(0));
        return bytes;
    }
    const auto leaves = tree.leaves();
    out.varint(leaves.size());
    for (const auto index : leaves) write_leaf(tree.node(index));
    return bytes;
}

void Change::decode(Sequence at, BytesView bytes) {
    ByteReader in(bytes);
    sequence = at;
    id = in.sized();
    leaves.clear();
    for (auto left = in.varint(); left > 0; --left) {
        const bool leaf_is_deleted = (in.u8() & leaf_deleted) != 0;
        leaves.push_back({read_revision(in), leaf_is_deleted});
    }
    if (leaves.empty()) throw CorruptBytes();
}

Bytes revision_key(const Revision& revision) {
    Bytes bytes;
    ByteWriter out(bytes);
    // The count of significant bytes first, so that generations sort by number.
    std::uint8_t significant = 0;
    for (auto rest = revision.generation; rest != 0; rest >>= 8) ++significant;
    out.u8(significant);
    for (int shift = 8 * (significant - 1); shift >= 0; shift -= 8) {
        out.u8(static_cast<std::uint8_t>(revision.generation >> shift));
    }
    out.raw(revision.hash.bytes());
    return bytes;
}

Revision revision_of_key(BytesView key) {
    ByteReader in(key);
    Revision revision;
    const auto significant = in.u8();
    if (significant > sizeof revision.generation) throw CorruptBytes();
    for (int i = 0; i < significant; ++i) {
        revision.generation = revision.generation << 8 | in.u8();
    }
    revision.hash = RevisionHash(in.rest());
    return revision;
}

}  // namespace divan::storage
