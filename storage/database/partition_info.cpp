#include "storage/database/partition_info.h"

#include <set>

#include "storage/engine/keys.h"

namespace divan::storage {
namespace {

/// Attachments that revisions share count once.
std::uint64_t attachment_bytes(const ReadView& view, BytesView first, BytesView after) {
    std::set<AttachmentId> seen;
    std::uint64_t bytes = 0;
    const auto id = view.database().id();
    const auto from = keys::bodies_of(id, first);
    const auto cursor = view.snapshot().cursor(Family::bodies, from, keys::bodies_of(id, after));
    for (cursor->seek(from); cursor->valid(); cursor->next()) {
        const auto body = StoredBody::decode(Bytes(cursor->value()));
        for (const auto& attachment : body.attachments()) {
            if (seen.insert(attachment.id).second) bytes += attachment.stored_bytes;
        }
    }
    return bytes;
}

}  // namespace

PartitionInfo partition_info(const ReadView& view, std::string_view partition) {
    const auto first = Bytes(partition) + ":";
    const auto after = Bytes(partition) + ";";
    const auto id = view.database().id();
    const auto from = keys::document(id, first);
    const auto cursor = view.snapshot().cursor(Family::docs, from, keys::document(id, after));
    PartitionInfo info;
    for (cursor->seek(from); cursor->valid(); cursor->next()) {
        const auto record = DocumentRecord::decode(cursor->value());
        ++(DocumentRecord::decode_head(cursor->value()).deleted ? info.deleted_count
                                                                : info.document_count);
        for (const auto& node : record.tree.nodes()) {
            if (node.has_body && node.leaf) info.bytes += node.body_bytes;
        }
    }
    info.bytes += attachment_bytes(view, first, after);
    return info;
}

}  // namespace divan::storage
