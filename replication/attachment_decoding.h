#pragma once

#include <optional>
#include <string>
#include <vector>

#include "replication/http_document.h"
#include "replication/peer.h"
#include "storage/base/inflater.h"

namespace divan::replication {

/// Unpacks attachments that are stored as gzip, for a peer that would keep them so without knowing
/// (PouchDB Server). `source` outlives it.
class DecodedAttachments : public AttachmentSource {
public:
    DecodedAttachments(const DocumentOutline& outline, AttachmentSource& source);

    /// Throws `PeerFailure` (`malformed`) where one is no gzip, or is not as long as was said.
    Task<bool> read(std::size_t index, std::string& out) override;

private:
    AttachmentSource& source_;
    std::vector<AttachmentOutline> attachments_;
    std::optional<Inflater> inflater_;
    std::string packed_;
    std::uint64_t made_ = 0;
};

bool has_encoded_attachments(const DocumentOutline& outline);

/// The document as it goes with them: nothing of it says that it is packed.
TravellingDocument without_encodings(const DocumentOutline& outline, std::string_view json);

}  // namespace divan::replication
