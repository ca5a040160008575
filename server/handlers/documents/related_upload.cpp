#include "server/handlers/documents/related_upload.h"

#include "server/handlers/documents/write_checks.h"
#include "storage/base/digest.h"

namespace divan::server {
namespace {

[[noreturn]] void refuse_short() {
    throw Refused(Code::bad_request, "attachment shorter than expected");
}

/// Whether `text`, "md5-" and base64, is this digest.
bool names_digest(std::string_view text, const Md5Digest& digest) {
    return base64_decode(text.substr(text.find('-') + 1)) == as_bytes(digest);
}

}  // namespace

FollowsUpload::FollowsUpload(Call& call, const storage::ClientDocument& document) : call_(call) {
    const auto settings = attachment_settings(call.services.config);
    for (const auto& sent : document.attachments) {
        if (sent.kind != storage::ClientAttachment::Kind::follows) continue;
        Entry entry;
        entry.target = {sent.name, sent.content_type, sent.gzip};
        entry.bytes = sent.gzip && sent.encoded_length ? sent.encoded_length : sent.length;
        if (sent.gzip) entry.identity_bytes = sent.length;
        entry.digest = sent.digest;
        entry.full = entry.bytes == 0U;
        // couch_db:with_stream/3 compares with what was sent, not with what it is packed to.
        const bool packed =
            !sent.gzip && settings.compression_level > 0 &&
            storage::is_compressible(sent.content_type, settings.compressible_types);
        if (packed && !entry.digest.empty()) entry.unpacked_digest.emplace();
        entries_.push_back(std::move(entry));
    }
}

Task<void> FollowsUpload::receive(PartReader& parts) {
    while (true) {
        const auto event = co_await parts.next();
        if (event == PartReader::Event::part_begin) begin_part();
        if (event == PartReader::Event::part_data) co_await take(parts.data());
        if (event == PartReader::Event::part_end) end_part();
        if (event == PartReader::Event::end) break;
    }
    co_await parts.finish();
}

void FollowsUpload::begin_part() {
    while (current_ < entries_.size() && entries_[current_].full) ++current_;
}

void FollowsUpload::end_part() {
    if (current_ == entries_.size()) return;
    auto& entry = entries_[current_];
    if (entry.bytes) {
        entry.full = entry.upload && entry.upload->received_bytes() == *entry.bytes;
    } else {
        open(entry);
        entry.full = true;
    }
}

Task<void> FollowsUpload::take(BytesView bytes) {
    if (current_ == entries_.size()) co_return;
    auto& entry = entries_[current_];
    auto& upload = open(entry);
    if (entry.bytes && bytes.size() > *entry.bytes - upload.received_bytes()) {
        throw Refused(Code::bad_request, "attachment longer than expected");
    }
    if (entry.unpacked_digest) entry.unpacked_digest->update(bytes);
    upload.buffer() += bytes;
    co_await upload.advance();
}

AttachmentUpload& FollowsUpload::open(Entry& entry) {
    if (!entry.upload) entry.upload = std::make_unique<AttachmentUpload>(call_, entry.target);
    return *entry.upload;
}

Task<std::vector<storage::EditAttachment>> FollowsUpload::finish() {
    std::vector<storage::EditAttachment> attachments;
    attachments.reserve(entries_.size());
    for (auto& entry : entries_) {
        if (!entry.full) refuse_short();
        auto attachment = co_await open(entry).finish();
        if (entry.identity_bytes) attachment.stored.identity_bytes = *entry.identity_bytes;
        if (!entry.digest.empty()) {
            const auto digest = entry.unpacked_digest ? entry.unpacked_digest->finish()
                                                      : attachment.stored.digest;
            if (!names_digest(entry.digest, digest)) {
                throw Refused(Code::bad_request, "attachment is not what its digest says");
            }
        }
        attachments.push_back(std::move(attachment));
    }
    co_return std::move(attachments);
}

void FollowsUpload::keep() {
    for (auto& entry : entries_) entry.upload->keep();
}

}  // namespace divan::server
