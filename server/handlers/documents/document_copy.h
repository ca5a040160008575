#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/handlers/documents/document_reply.h"
#include "storage/database/attachment_store.h"

namespace divan::server {

/// The revision that is copied: `rev` of the query or If-Match; the winner where there is neither.
Result<std::optional<storage::Revision>> copy_source(const Request& request);

/// What the Destination header of a COPY names (couch_httpd_db:parse_copy_destination_header/1).
struct CopyTarget {
    std::string id;
    std::optional<storage::Revision> revision;  ///< That which the copy is written over.
};
Result<CopyTarget> copy_target(const Request& request);

/// A copy on its way: attachments belong to a document, so the copy has its own.
struct DocumentCopy {
    storage::Edit edit;
    std::vector<std::unique_ptr<storage::AttachmentWriter>> writers;

    /// The edit was committed.
    void keep() {
        for (auto& writer : writers) writer->keep();
    }
};
/// Blocks on the engine where there are attachments.
DocumentCopy copy_edit(const std::shared_ptr<storage::Database>& database,
                       const storage::ReadView& view, const OpenedDocument& source,
                       const CopyTarget& target);

}  // namespace divan::server
