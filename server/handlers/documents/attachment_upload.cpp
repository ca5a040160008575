#include "server/handlers/documents/attachment_upload.h"

#include "server/handlers/documents/write_checks.h"

namespace divan::server {
namespace {

constexpr std::size_t piece_bytes = 512U << 10;
/// An attachment this small is written without leaving the loop.
constexpr std::size_t inline_bytes_max = 32U << 10;

}  // namespace

AttachmentUpload::AttachmentUpload(Call& call, UploadTarget target)
    : pool_(call.services.pool),
      name_(target.name),
      writer_(std::make_shared<storage::AttachmentWriter>(
          call.database, std::move(target.name), std::move(target.content_type), target.gzipped,
          attachment_settings(call.services.config))),
      bytes_max_(write_limits(call.services.config).attachment_bytes_max) {}

void AttachmentUpload::expect(std::optional<std::uint64_t> bytes) const {
    if (bytes.value_or(0) > bytes_max_) throw Refused(Code::attachment_too_large, name_);
}

void AttachmentUpload::hand_on() {
    handed_on_ += buffer_.size();
    // A function must be copyable; the bytes need not be copied.
    auto bytes = std::make_shared<std::string>(std::move(buffer_));
    buffer_ = {};
    buffer_.reserve(piece_bytes + (piece_bytes >> 2));
    writing_.emplace(pool_, [writer = writer_, bytes] {
        writer->append(*bytes);
        return true;
    });
}

Task<void> AttachmentUpload::advance() {
    if (received_bytes() > bytes_max_) throw Refused(Code::attachment_too_large, name_);
    if (buffer_.size() < piece_bytes) co_return;
    if (writing_) co_await *writing_;
    hand_on();
}

Task<storage::EditAttachment> AttachmentUpload::finish() {
    if (!writing_ && buffer_.size() <= inline_bytes_max) {
        writer_->append(buffer_);
        co_return writer_->finish();
    }
    if (writing_) co_await *writing_;
    hand_on();
    co_await *writing_;
    // The store may have to compress and write the rest.
    Errand<storage::EditAttachment> last(pool_, [writer = writer_] { return writer->finish(); });
    auto attachment = co_await last;
    co_return std::move(attachment);
}

Task<void> receive(RequestBody& body, AttachmentUpload& upload) {
    while (true) {
        const bool more = co_await body.read(upload.buffer());
        if (!more) co_return;
        co_await upload.advance();
    }
}

}  // namespace divan::server
