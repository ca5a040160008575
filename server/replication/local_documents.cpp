#include "server/replication/local_documents.h"

#include "server/replication/local_failure.h"
#include "storage/database/document_text.h"

namespace divan::server {
namespace {

using replication::DocumentRevisions;

constexpr std::size_t piece_bytes = 512U << 10;
constexpr std::size_t attachment_piece_bytes = 512U << 10;

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
    const auto options = options_of(*found.row);
    for (const auto& one : found.revisions) {
        auto& read = out.emplace_back();
        auto& document = read.document;
        document.id = found.row->id;
        document.revision = one.revision;
        read.absent = !one.body;
        if (read.absent) continue;
        append_document(document.json, reader_.view(), document.id, one.revision, *one.body,
                        found.record, options);
        const auto follow =
            storage::attachments_to_send(*one.body, one.revision, found.record, options);
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
