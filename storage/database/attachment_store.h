#pragma once

#include <memory>
#include <string>

#include "storage/database/database.h"
#include "storage/document/attachment.h"

namespace divan::storage {

struct AttachmentSettings {
    int compression_level = 8;  ///< `[attachments] compression_level`; 0 is off.
    std::string compressible_types;
};

/// Stores an attachment as it arrives, in chunks, without holding it in memory. What was written is
/// nobody's until an edit names it; a writer that is destroyed unfinished, or whose edit was
/// refused, takes its bytes away again, and so does the next start after a crash.
class AttachmentWriter {
public:
    /// `gzipped` says that the bytes come gzipped already ("Content-Encoding: gzip") and stay so.
    AttachmentWriter(Database& database, std::string name, std::string content_type, bool gzipped,
                     const AttachmentSettings& settings);
    ~AttachmentWriter();
    AttachmentWriter(const AttachmentWriter&) = delete;
    AttachmentWriter& operator=(const AttachmentWriter&) = delete;

    /// Blocks on the engine now and then.
    void append(BytesView bytes);
    std::uint64_t received_bytes() const { return received_; }
    /// All bytes are there. `small` receives the stored bytes where they are few: they are then
    /// to be written with the edit (`EditAttachment::chunk`).
    StoredAttachment finish(Bytes& small);
    /// The edit was committed: the bytes stay.
    void keep() { kept_ = true; }

private:
    void store(BytesView bytes);
    void flush_chunk();

    Database& database_;
    StoredAttachment attachment_;
    std::unique_ptr<GzipWriter> gzip_;
    Md5 md5_;
    Bytes pending_;
    std::uint64_t received_ = 0;
    std::uint32_t chunks_ = 0;
    bool finished_ = false;
    bool kept_ = false;
};

}  // namespace divan::storage
