#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replication/http/client.h"
#include "replication/http_document.h"
#include "replication/part_stream.h"
#include "replication/peer.h"

namespace divan::replication {

/// Checks that attachments are read in order and are as long as the document says.
class CountedAttachments : public AttachmentSource {
public:
    explicit CountedAttachments(const DocumentOutline& outline);
    Task<bool> read(std::size_t index, std::string& out) final;

protected:
    /// Comes to the next attachment.
    virtual Task<void> begin(const AttachmentOutline& attachment) = 0;
    /// Bytes of it; false at its end.
    virtual Task<bool> more(std::string& out) = 0;

private:
    std::vector<AttachmentOutline> attachments_;
    std::size_t next_ = 0;
    bool open_ = false;
    std::uint64_t left_ = 0;
};

/// Parts of a multipart/related answer, of which the document was the first.
class PartAttachments : public CountedAttachments {
public:
    PartAttachments(const DocumentOutline& outline, PartStream& parts)
        : CountedAttachments(outline), parts_(parts) {}

private:
    Task<void> begin(const AttachmentOutline& attachment) override;
    Task<bool> more(std::string& out) override;

    PartStream& parts_;
    std::optional<PartBody> body_;
};

/// Each asked for by itself.
class SingleAttachments : public CountedAttachments {
public:
    SingleAttachments(const DocumentOutline& outline, HttpClient& client);

private:
    Task<void> begin(const AttachmentOutline& attachment) override;
    Task<bool> more(std::string& out) override;

    HttpClient& client_;
    std::string id_;
    std::string revision_;
    std::unique_ptr<HttpAnswer> answer_;
};

/// The address of a document below its database: `_design/` and `_local/` keep their slash.
std::string document_path(std::string_view id);

}  // namespace divan::replication
