#include <algorithm>

#include "storage/database/commit_group.h"
#include "storage/database/read_view.h"
#include "storage/document/design_document.h"
#include "storage/engine/keys.h"

// What a commit group does to bodies and attachments, and to the sizes of their partitions.
namespace divan::storage {

void CommitGroup::put_body(const Edit& edit, const Revision& revision) {
    std::vector<StoredAttachment> attachments;
    attachments.reserve(edit.attachments.size());
    for (const auto& attachment : edit.attachments) {
        attachments.push_back(attachment.stored);
        named_attachments_.insert(attachment.stored.id.value);
        if (!attachment.stub) put_attachment(edit.id, attachment);
    }
    batch_.put(Family::bodies, keys::body(database_.id(), edit.id, revision_key(revision)),
               StoredBody::encode(edit.deleted, attachments, edit.body));
}

void CommitGroup::put_attachment(std::string_view document, const EditAttachment& attachment) {
    const auto id = attachment.stored.id;
    state_.attachment_bytes += attachment.stored.stored_bytes;
    change_partition(document, 0, attachment.stored.stored_bytes);
    if (attachment.bytes.empty()) {
        if (attachment.stored.stored_bytes > 0) {
            batch_.erase(Family::catalog, keys::upload(database_.id(), id));
        }
        return;
    }
    const BytesView bytes(attachment.bytes);
    std::uint32_t number = 0;
    for (std::size_t at = 0; at < bytes.size(); at += attachment_chunk_bytes) {
        batch_.put(Family::attachments, keys::chunk(database_.id(), id, number++),
                   Bytes(bytes.substr(at, attachment_chunk_bytes)));
    }
}

std::optional<StoredBody> CommitGroup::load_body(std::string_view id,
                                                 const Revision& revision) const {
    Bytes bytes;
    const auto key = keys::body(database_.id(), id, revision_key(revision));
    if (!database_.engine_.get(Family::bodies, key, bytes)) return std::nullopt;
    return StoredBody::decode(std::move(bytes));
}

void CommitGroup::drop_bodies(std::string_view id, const RevisionTree& tree,
                              const std::vector<Revision>& revisions) {
    // A revision that is in the tree twice has one body.
    const auto still_named = [&tree](const Revision& revision) {
        const auto nodes = tree.nodes();
        return std::any_of(nodes.begin(), nodes.end(), [&](const RevisionNode& node) {
            return node.has_body && node.revision == revision;
        });
    };
    std::vector<StoredAttachment> unnamed;
    for (const auto& revision : revisions) {
        if (still_named(revision)) continue;
        batch_.erase(Family::bodies, keys::body(database_.id(), id, revision_key(revision)));
        const auto body = load_body(id, revision);
        if (!body) continue;
        unnamed.insert(unnamed.end(), body->attachments().begin(), body->attachments().end());
    }
    const auto forget = [&](AttachmentId named) {
        std::erase_if(unnamed, [&](const auto& attachment) { return attachment.id == named; });
    };
    std::erase_if(unnamed, [&](const StoredAttachment& attachment) {
        return named_attachments_.contains(attachment.id.value);
    });
    for (RevisionTree::Index i = 0; !unnamed.empty() && i < tree.nodes().size(); ++i) {
        if (!tree.node(i).has_body) continue;
        // Those of this very group are not in the engine yet, but in `named_attachments_`.
        const auto body = load_body(id, tree.node(i).revision);
        if (!body) continue;
        for (const auto& attachment : body->attachments()) forget(attachment.id);
    }
    while (!unnamed.empty()) {
        const auto attachment = unnamed.back();
        forget(attachment.id);
        const auto chunks = keys::chunks_of(database_.id(), attachment.id);
        batch_.erase_range(Family::attachments, chunks, keys::after_prefix(chunks));
        state_.attachment_bytes -= std::min(state_.attachment_bytes, attachment.stored_bytes);
        change_partition(id, attachment.stored_bytes, 0);
    }
}

void CommitGroup::change_partition(std::string_view id, std::uint64_t before,
                                   std::uint64_t after) {
    if (before == after || !database_.entry().partitioned) return;
    const auto partition = partition_of(id);
    auto change = partition_changes_.find(partition);
    if (change == partition_changes_.end()) {
        change = partition_changes_.emplace(partition, 0).first;
    }
    change->second += static_cast<std::int64_t>(after - before);
}

// couch_db_updater:is_overflowed/3. What this very group writes does not count yet, as there.
bool CommitGroup::overflows(const Edit& edit, const RevisionTree& tree, const Revision* parent) {
    if (edit.partition_bytes_max == 0 || is_design_id(edit.id)) return false;
    const auto partition = partition_of(edit.id);
    if (database_.partition_sizes_.bytes(database_, partition) < edit.partition_bytes_max) {
        return false;
    }
    std::uint64_t after = edit.body.size();
    for (const auto& attachment : edit.attachments) after += attachment.stored.stored_bytes;
    std::uint64_t before = 0;
    const auto index = parent != nullptr ? tree.find(*parent) : std::nullopt;
    if (index) {
        before = tree.node(*index).body_bytes;
        if (const auto body = load_body(edit.id, *parent)) {
            for (const auto& attachment : body->attachments()) before += attachment.stored_bytes;
        }
    }
    return after > before;
}

}  // namespace divan::storage
