#pragma once

#include <memory>
#include <vector>

#include "replication/peer.h"
#include "server/handlers/bulk/bulk_get_reader.h"
#include "server/services.h"
#include "storage/document/attachment.h"

namespace divan::server {

/// One revision that was asked for, as it is read.
struct LocalDocument {
    replication::TravellingDocument document;
    std::vector<storage::StoredAttachment> attachments;  ///< That follow.
    bool absent = false;  ///< Then only id and revision of `document` count.
};

/// Reads documents for a replication, some at a time. Blocks; one thread at a time.
class LocalDocumentReader {
public:
    LocalDocumentReader(std::shared_ptr<const storage::ReadView> view,
                        std::vector<replication::DocumentRevisions> wanted);

    /// About half a megabyte of them, or a document that is larger; none at the end.
    std::vector<LocalDocument> next();

private:
    void take(const BulkGetReader::Found& found, std::vector<LocalDocument>& out,
              std::size_t& bytes) const;

    BulkGetReader reader_;
};

/// The stored bytes of a document's attachments. `services` outlives it.
class LocalAttachments final : public replication::AttachmentSource {
public:
    LocalAttachments(Services& services, std::shared_ptr<const storage::ReadView> view,
                     const std::vector<storage::StoredAttachment>& attachments)
        : services_(services), view_(std::move(view)), attachments_(attachments) {}

    Task<bool> read(std::size_t index, std::string& out) override;

private:
    Services& services_;
    std::shared_ptr<const storage::ReadView> view_;
    const std::vector<storage::StoredAttachment>& attachments_;
    std::size_t current_ = 0;
    std::uint64_t offset_ = 0;
};

}  // namespace divan::server
