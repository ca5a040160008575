#include "server/replication/local_documents.h"

#include "server/replication/local_failure.h"
#include "storage/database/document_text.h"

namespace divan::server {
namespace {

using replication::DocumentRevisions;

constexpr std::size_t piece_bytes = 512U << 10;
constexpr std::size_t attachment_piece_bytes = 512U << 10;
constexpr std::uint64_t small_attachments_bytes_max = 64U << 10;

std::vector<BulkGetRow> rows_of(std::vector<DocumentRevisions> wanted) {
    std::vector<BulkGetRow> rows;
    rows.reserve(wanted.size());
    for (auto& one : wanted) {
        BulkGetRow row;
        row.id = std::move(one.id);
        row.revisions = std::move(one.revisions);
        if (!one.possible_ancestors.empty()) row.atts_since = std::move(one.possible_ancestors);
        rows.push_back(std::move(row));
    }
    return rows;
}

storage::DocumentOptions options_of(const BulkGetRow& row) {
    storage::DocumentOptions options;
    options.revs = true;
    options.attachments = true;
    options.follows = true;
    options.att_encoding_info = true;
    options.atts_since = row.atts_since;
    return options;
}

// Not worth a write of their own: they go as `data` in the document's text. What a client had
// packed stays packed only as it is.
bool are_small(const std::vector<const storage::StoredAttachment*>& attachments) {
    std::uint64_t sum = 0;
    for (const auto* one : attachments) {
        const bool packed_by_client = one->encoding == storage::AttachmentEncoding::gzip &&
                                      one->identity_bytes == one->stored_bytes;
        if (packed_by_client) return false;
        sum += one->identity_bytes;
    }
    return !attachments.empty() && sum <= small_attachments_bytes_max;
}

}  // namespace

LocalDocumentReader::LocalDocumentReader(std::shared_ptr<const storage::ReadView> view,
                                         std::vector<DocumentRevisions> wanted)
    : reader_(std::move(view), rows_of(std::move(wanted)), true) {}

std::vector<LocalDocument> LocalDocumentReader::next() {
    std::vector<LocalDocument> documents;
    std::size_t bytes = 0;
    while (bytes < piece_bytes) {
        const auto* found = reader_.next();
        if (found == nullptr) break;
        take(*found, documents, bytes);
    }
    return documents;
}

void LocalDocumentReader::take(const BulkGetReader::Found& found, std::vector<LocalDocument>& out,
                               std::size_t& bytes) const {
    const auto row_options = options_of(*found.row);
    for (const auto& one : found.revisions) {
        auto& read = out.emplace_back();
        auto& document = read.document;
        document.id = found.row->id;
        document.revision = one.revision;
        read.absent = !one.body;
        if (read.absent) continue;
        auto options = row_options;
        auto follow = storage::attachments_to_send(*one.body, one.revision, found.record, options);
        if (are_small(follow)) {
            options.follows = options.att_encoding_info = false;
            document.whole = follow.size() == one.body->attachments().size();
            follow.clear();
        }
        append_document(document.json, reader_.view(), document.id, one.revision, *one.body,
                        found.record, options);
        for (const auto* attachment : follow) {
            read.attachments.push_back(*attachment);
            document.attachment_bytes.push_back(attachment->stored_bytes);
        }
        bytes += document.json.size();
    }
}

Task<bool> LocalAttachments::read(std::size_t index, std::string& out) {
    if (index != current_) {
        current_ = index;
        offset_ = 0;
    }
    const auto& attachment = attachments_.at(index);
    if (offset_ >= attachment.stored_bytes) co_return false;
    const auto before = out.size();
    try {
        co_await services_.on_storage([this, &attachment, &out] {
            view_->read_attachment(attachment, offset_, attachment_piece_bytes, out);
        });
    } catch (...) {
        rethrow_as_failure();
    }
    offset_ += out.size() - before;
    co_return out.size() > before;
}

}  // namespace divan::server
