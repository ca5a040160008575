#pragma once

#include <memory>
#include <vector>

#include "server/handlers/documents/attachment_upload.h"
#include "server/handlers/documents/part_reader.h"
#include "storage/document/client_document.h"

namespace divan::server {

/// The attachments of a multipart/related document: its parts' bytes go to the `follows` entries of
/// the document in their order, whatever the parts say they are.
///
/// As in couch_httpd_multipart the parts are one stream: an entry that is not full yet goes on with
/// the next part, and what is left when all are full means nothing. Lives on its loop's thread.
class FollowsUpload {
public:
    /// Copies what it needs of `document`.
    FollowsUpload(Call& call, const storage::ClientDocument& document);

    /// Reads all parts that follow the document's.
    Task<void> receive(PartReader& parts);
    /// What a part is, where it comes otherwise: its begin, its bytes, its end.
    void begin_part();
    Task<void> take(BytesView bytes);
    void end_part();
    /// The attachments, for `make_edit`. Throws `Refused` where one is shorter than it should be,
    /// or other than its digest says.
    Task<std::vector<storage::EditAttachment>> finish();
    /// The edit was committed.
    void keep();

private:
    struct Entry {
        UploadTarget target;
        std::optional<std::uint64_t> bytes;           ///< As sent; one whole part where not known.
        std::optional<std::uint64_t> identity_bytes;  ///< Of gzipped ones.
        std::string digest;
        std::unique_ptr<AttachmentUpload> upload;
        std::optional<Md5> unpacked_digest;  ///< Where what is stored is not what was sent.
        bool full = false;
    };

    AttachmentUpload& open(Entry& entry);

    Call& call_;
    std::vector<Entry> entries_;
    std::size_t current_ = 0;
};

}  // namespace divan::server
