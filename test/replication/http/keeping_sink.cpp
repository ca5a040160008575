#include "test/replication/http/keeping_sink.h"

#include <doctest/doctest.h>

namespace divan::replication {

Task<void> KeepingSink::take(TravellingDocument document, AttachmentSource* attachments) {
    CHECK(document.has_attachments() == (attachments != nullptr));
    if (forward_to != nullptr && attachments != nullptr) {
        const auto outcome = co_await forward_to->store_streamed(std::move(document), *attachments);
        CHECK(outcome.stored);
        co_return;
    }
    Kept one{std::move(document), {}};
    for (std::size_t i = 0; i < one.document.attachment_bytes.size(); ++i) {
        std::string bytes;
        bool more = true;
        while (more) more = co_await attachments->read(i, bytes);
        CHECK(bytes.size() == one.document.attachment_bytes[i]);
        one.attachments.push_back(std::move(bytes));
    }
    kept.push_back(std::move(one));
}

void KeepingSink::absent(std::string_view id, const storage::Revision& revision,
                         std::string_view error, std::string_view) {
    absentees.push_back(std::string(id) + " " + to_string(revision) + " " + std::string(error));
}

const KeepingSink::Kept* KeepingSink::find(std::string_view id, std::string_view revision) const {
    for (const auto& one : kept) {
        if (one.document.id == id && to_string(one.document.revision) == revision) return &one;
    }
    return nullptr;
}

}  // namespace divan::replication
