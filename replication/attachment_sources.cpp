#include "replication/attachment_sources.h"

#include "replication/http/failures.h"
#include "replication/http/headers.h"
#include "replication/http_refusal.h"

namespace divan::replication {
namespace {

constexpr std::size_t refusal_bytes_max = 64 * 1024;

}  // namespace

std::string document_path(std::string_view id) {
    for (const std::string_view prefix : {"_design/", "_local/"}) {
        if (id.starts_with(prefix)) {
            return std::string(prefix) + percent_encode(id.substr(prefix.size()));
        }
    }
    return percent_encode(id);
}

CountedAttachments::CountedAttachments(const DocumentOutline& outline) {
    for (const auto& attachment : outline.attachments) {
        if (!attachment.follows) continue;
        attachments_.push_back(attachment);
        attachments_.back().members = {};  // a view into a text that may be gone by then
    }
}

Task<bool> CountedAttachments::read(std::size_t index, std::string& out) {
    if (!open_) {
        DIVAN_CHECK(index == next_ && index < attachments_.size());
        co_await begin(attachments_[index]);
        left_ = attachments_[index].bytes;
        open_ = true;
    }
    const auto before = out.size();
    const bool there_is_more = co_await more(out);
    const auto count = out.size() - before;
    if (count > left_) throw malformed("an attachment is longer than it was said");
    left_ -= count;
    if (there_is_more) co_return true;
    if (left_ > 0) throw malformed("an attachment is shorter than it was said");
    open_ = false;
    ++next_;
    co_return false;
}

Task<void> PartAttachments::begin(const AttachmentOutline&) {
    const auto event = co_await parts_.next();
    if (event != PartStream::Event::part_begin) throw malformed("an attachment is missing");
    body_.emplace(parts_);
}

Task<bool> PartAttachments::more(std::string& out) {
    const bool there_is_more = co_await body_->read(out);
    co_return there_is_more;
}

SingleAttachments::SingleAttachments(const DocumentOutline& outline, HttpClient& client)
    : CountedAttachments(outline),
      client_(client),
      id_(outline.id),
      revision_(to_string(outline.revision)) {}

Task<void> SingleAttachments::begin(const AttachmentOutline& attachment) {
    HttpRequest request;
    request.path = document_path(id_) + "/" + percent_encode(attachment.name);
    request.query = "rev=" + percent_encode(revision_);
    request.headers = {{"Accept", "*/*"}};
    request.nested = true;
    answer_ = co_await client_.send(request);
    const int status = answer_->head.status;
    if (status == 200) co_return;
    const std::string body = co_await answer_->body(refusal_bytes_max);
    throw refusal_of(client_, status, body);
}

Task<bool> SingleAttachments::more(std::string& out) {
    const bool there_is_more = co_await answer_->read(out);
    if (!there_is_more) answer_.reset();
    co_return there_is_more;
}

}  // namespace divan::replication
