#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/error.h"
#include "storage/base/ids.h"
#include "storage/base/inflater.h"

namespace divan::storage {

enum class AttachmentEncoding : std::uint8_t { identity, gzip };

/// An attachment of a stored revision: all but its bytes, which are in family `attachments`.
struct StoredAttachment {
    std::string name;
    std::string content_type;
    std::uint64_t revpos = 0;          ///< Generation of the revision that brought it.
    AttachmentId id;                   ///< Names the bytes; shared by later revisions.
    Md5Digest digest{};                ///< Of the stored bytes.
    std::uint64_t stored_bytes = 0;    ///< As stored, after compression.
    std::uint64_t identity_bytes = 0;  ///< As sent to who does not take the encoding. For a
                                       ///< pre-gzipped upload the same as `stored_bytes`.
    AttachmentEncoding encoding = AttachmentEncoding::identity;

    bool operator==(const StoredAttachment&) const = default;
};

/// "md5-" and base64.
std::string digest_text(const StoredAttachment& attachment);

/// Whether text of this type is stored gzipped: `[attachments] compressible_types`, with `type/*`.
bool is_compressible(std::string_view content_type, std::string_view compressible_types);

/// How `_attachments` entries are written for a reader.
struct AttachmentView {
    bool encoding_info = false;  ///< `att_encoding_info=true`: "encoding" and "encoded_length".
};

/// Appends `"name":{"content_type":…,"revpos":…,"digest":…,"length":…,"stub":true}`.
void append_attachment_stub(std::string& out, const StoredAttachment& attachment,
                            const AttachmentView& view);
/// The same with `"follows":true`. `encoded` says that the part is sent as stored.
void append_attachment_follows(std::string& out, const StoredAttachment& attachment,
                               const AttachmentView& view);
/// The same with `"data":"base64"`. `identity` are the decoded bytes.
void append_attachment_data(std::string& out, const StoredAttachment& attachment,
                            const AttachmentView& view, BytesView identity);

/// zlib's gzip as CouchDB makes it, so that digests agree: `deflateInit2` with `level` (8 unless
/// configured), window bits 16+15, memory level 8. Streaming; throws std::bad_alloc only.
class GzipWriter {
public:
    explicit GzipWriter(int level = 8);
    ~GzipWriter();
    GzipWriter(const GzipWriter&) = delete;
    GzipWriter& operator=(const GzipWriter&) = delete;
    /// Appends what is ready to `out`.
    void write(BytesView bytes, std::string& out);
    void finish(std::string& out);

private:
    void run(int flush, std::string& out);
    struct State;
    std::unique_ptr<State> state_;
};

/// `Inflater::step` on the bytes of an attachment. Throws `Refused` where they are no gzip.
void unpack_step(Inflater& inflater, BytesView& rest, std::string& out, std::size_t bytes_max);

}  // namespace divan::storage
