#include "storage/database/edit.h"

#include "storage/database/attachment_store.h"

namespace divan::storage {
namespace {

Error refused(Code code, std::string reason) {
    return {code, std::move(reason), {}};
}

/// The attachment of an inline entry, compressed where its type asks for it.
EditAttachment pack_inline(ClientAttachment&& sent, const AttachmentSettings& settings) {
    EditAttachment packed;
    auto& stored = packed.stored;
    stored.name = std::move(sent.name);
    stored.content_type = std::move(sent.content_type);
    stored.id = new_attachment_id();
    stored.identity_bytes = sent.data.size();
    packed.bytes = std::move(sent.data);
    if (settings.compression_level > 0 &&
        is_compressible(stored.content_type, settings.compressible_types)) {
        Bytes gzipped;
        GzipWriter gzip(settings.compression_level);
        gzip.write(packed.bytes, gzipped);
        gzip.finish(gzipped);
        packed.bytes = std::move(gzipped);
        stored.encoding = AttachmentEncoding::gzip;
    }
    stored.digest = md5(packed.bytes);
    stored.stored_bytes = packed.bytes.size();
    return packed;
}

Result<std::vector<EditAttachment>> take_attachments(ClientDocument& document,
                                                     const AttachmentSettings& settings,
                                                     std::vector<EditAttachment>&& received,
                                                     std::optional<std::uint64_t> new_revpos) {
    std::vector<EditAttachment> attachments;
    attachments.reserve(document.attachments.size());
    auto next_received = received.begin();
    for (auto& sent : document.attachments) {
        const auto sent_revpos = sent.revpos;
        if (sent.kind == ClientAttachment::Kind::stub) {
            EditAttachment stub;
            stub.stub = true;
            stub.stored.name = std::move(sent.name);
            stub.stored.revpos = sent_revpos.value_or(0);
            stub.revpos_given = sent_revpos.has_value();
            attachments.push_back(std::move(stub));
            continue;
        }
        if (sent.kind == ClientAttachment::Kind::inline_data) {
            attachments.push_back(pack_inline(std::move(sent), settings));
        } else if (next_received != received.end()) {
            attachments.push_back(std::move(*next_received++));
        } else {
            return refused(Code::bad_request, "Attachment data is missing");
        }
        attachments.back().stored.revpos = new_revpos.value_or(sent_revpos.value_or(0));
    }
    return attachments;
}

}  // namespace

Result<Edit> make_edit(ClientDocument document, bool new_edits,
                       const AttachmentSettings& settings, std::vector<EditAttachment> received) {
    DIVAN_CHECK(document.id.has_value());
    Edit edit;
    edit.id = std::move(*document.id);
    edit.replicated = !new_edits;
    edit.deleted = document.deleted;

    std::optional<std::uint64_t> new_revpos;
    if (new_edits) {
        // `_revisions` says the same as `_rev`, and wins (couch_doc:transfer_fields/2).
        edit.parent = document.revision;
        if (!document.revisions.empty()) {
            edit.parent = Revision{document.revisions_start, document.revisions.front()};
        }
        new_revpos = (edit.parent ? edit.parent->generation : 0) + 1;
    } else if (!document.revisions.empty()) {
        edit.generation = document.revisions_start;
        edit.path = std::move(document.revisions);
        if (edit.path.size() > edit.generation) {
            return refused(Code::doc_validation, "RevId start is less than number of revisions.");
        }
    } else if (document.revision) {
        edit.generation = document.revision->generation;
        edit.path.push_back(document.revision->hash);
    } else {
        return refused(Code::bad_request, "Missing revision ID");
    }

    auto attachments = take_attachments(document, settings, std::move(received), new_revpos);
    if (!attachments) return attachments.error();
    edit.attachments = std::move(*attachments);
    edit.body = std::move(document.body);
    edit.term = std::move(document.term);
    if (new_edits) edit.revision = seal_edit(edit, edit.parent ? &*edit.parent : nullptr);
    return edit;
}

Revision seal_edit(const Edit& edit, const Revision* parent) {
    // An edit that names no parent and gets one makes a deleted document again.
    // couch_db_updater:merge_rev_tree/4 then digests attachments in a form that it cannot read.
    const bool made_again = parent != nullptr && !edit.parent;
    std::vector<AttachmentSeed> seeds;
    seeds.reserve(edit.attachments.size());
    for (const auto& attachment : edit.attachments) {
        seeds.push_back({attachment.stored.name, attachment.stored.content_type,
                         attachment.stored.digest, made_again});
    }
    return new_revision(edit.deleted, parent, edit.term, seeds);
}

}  // namespace divan::storage
