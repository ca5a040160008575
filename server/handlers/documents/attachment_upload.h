#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/handlers/errand.h"
#include "server/routes.h"
#include "storage/database/attachment_store.h"

namespace divan::server {

/// What an upload is to become.
struct UploadTarget {
    std::string name;
    std::string content_type;
    bool gzipped = false;  ///< The bytes come gzipped and stay so.
};

/// One attachment on its way from the socket to the store: bytes are gathered into large pieces,
/// each of which the pool compresses, digests and stores while the next is read. Few bytes never
/// leave the loop. Destroyed before `keep` it takes everything away again.
///
/// Lives on its loop's thread.
class AttachmentUpload {
public:
    AttachmentUpload(Call& call, UploadTarget target);

    /// How many bytes will come, where that is known. Throws `Refused` where they are too many.
    void expect(std::optional<std::uint64_t> bytes) const;
    /// Where the next bytes are to be appended; call `advance` after each time.
    std::string& buffer() { return buffer_; }
    /// Throws `Refused` where the attachment has grown beyond `[couchdb] max_attachment_size`.
    Task<void> advance();
    std::uint64_t received_bytes() const { return handed_on_ + buffer_.size(); }
    const std::string& name() const { return name_; }

    /// All bytes are there. Once only.
    Task<storage::EditAttachment> finish();
    /// The edit that names it was committed.
    void keep() { writer_->keep(); }

private:
    void hand_on();

    WorkPool& pool_;
    std::string name_;
    std::shared_ptr<storage::AttachmentWriter> writer_;  // Shared with the work under way.
    std::uint64_t bytes_max_;
    std::string buffer_;
    std::uint64_t handed_on_ = 0;
    std::optional<Errand<bool>> writing_;
};

/// Reads the rest of a body into `upload`.
Task<void> receive(RequestBody& body, AttachmentUpload& upload);

}  // namespace divan::server
