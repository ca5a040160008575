#include "replication/attachment_decoding.h"

#include <algorithm>

#include "replication/http/failures.h"

namespace divan::replication {
namespace {

constexpr std::size_t step_bytes = 64 * 1024;

bool is_encoded(const AttachmentOutline& attachment) {
    return attachment.follows && attachment.encoding == "gzip";
}

}  // namespace

DecodedAttachments::DecodedAttachments(const DocumentOutline& outline, AttachmentSource& source)
    : source_(source) {
    for (const auto& attachment : outline.attachments) {
        if (attachment.follows) attachments_.push_back(attachment);
    }
}

Task<bool> DecodedAttachments::read(std::size_t index, std::string& out) {
    if (!is_encoded(attachments_[index])) {
        const bool more = co_await source_.read(index, out);
        co_return more;
    }
    if (!inflater_) {
        inflater_.emplace();
        packed_.clear();
        made_ = 0;
    }
    bool more = true;
    if (packed_.empty() && !inflater_->holds_more()) more = co_await source_.read(index, packed_);
    const auto before = out.size();
    std::string_view rest = packed_;
    if (!inflater_->step(rest, out, step_bytes)) throw malformed("an attachment is no gzip");
    packed_.erase(0, packed_.size() - rest.size());
    made_ += out.size() - before;
    if (more || !packed_.empty() || inflater_->holds_more()) co_return true;
    if (!inflater_->finished() || made_ != attachments_[index].decoded_bytes) {
        throw malformed("an attachment is not as long as it was said");
    }
    inflater_.reset();
    co_return false;
}

bool has_encoded_attachments(const DocumentOutline& outline) {
    return std::any_of(outline.attachments.begin(), outline.attachments.end(), is_encoded);
}

TravellingDocument without_encodings(const DocumentOutline& outline, std::string_view json) {
    auto text = with_followers(json, outline, false);
    const auto plain = read_outline(text);
    if (!plain) throw malformed("a document with attachments is none");
    return travelling(*plain, std::move(text));
}

}  // namespace divan::replication
