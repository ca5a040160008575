#pragma once

#include <memory>
#include <string>

#include "storage/database/database.h"
#include "storage/database/edit.h"
#include "storage/document/attachment.h"

namespace divan::storage {

/// Never used again in its database.
AttachmentId new_attachment_id();

/// Stores an attachment as it arrives, in chunks, without holding it in memory. What was written is
/// nobody's until an edit names it; a writer that is destroyed unfinished, or whose edit was
/// refused, takes its bytes away again, and so does the next start after a crash.
class AttachmentWriter {
public:
    /// `gzipped` says that the bytes come gzipped already ("Content-Encoding: gzip") and stay so.
    AttachmentWriter(std::shared_ptr<Database> database, std::string name,
                     std::string content_type, bool gzipped, const AttachmentSettings& settings);
    ~AttachmentWriter();
    AttachmentWriter(const AttachmentWriter&) = delete;
    AttachmentWriter& operator=(const AttachmentWriter&) = delete;

    /// Blocks on the engine now and then.
    void append(BytesView bytes);
    std::uint64_t received_bytes() const { return received_; }
    /// All bytes are there. Where they are few they are not stored yet: they come along in
    /// `EditAttachment::bytes` and are written with the edit. Once only.
    EditAttachment finish();
    /// The edit was committed: the bytes stay.
    void keep() { kept_ = true; }

private:
    void store(BytesView bytes);
    void flush_chunk();

    std::shared_ptr<Database> database_;
    StoredAttachment attachment_;
    std::unique_ptr<GzipWriter> gzip_;
    Md5 md5_;
    Bytes full_;     ///< A whole chunk that is not handed over yet.
    Bytes pending_;  ///< What follows it, less than a chunk.
    std::uint64_t received_ = 0;
    std::uint32_t chunks_ = 0;
    bool finished_ = false;
    bool kept_ = false;
};

}  // namespace divan::storage
