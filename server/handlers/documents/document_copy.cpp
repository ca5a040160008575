#include "server/handlers/documents/document_copy.h"

#include "server/handlers/documents/document_edit.h"
#include "server/handlers/documents/document_query.h"

namespace divan::server {
namespace {

Error bad_request(std::string reason) {
    return {Code::bad_request, std::move(reason), {}};
}

storage::EditAttachment copy_attachment(storage::AttachmentWriter& writer,
                                        const storage::ReadView& view,
                                        const storage::StoredAttachment& source) {
    Bytes piece;
    for (std::uint64_t at = 0; at < source.stored_bytes; at += piece.size()) {
        piece.clear();
        view.read_attachment(source, at, storage::attachment_chunk_bytes, piece);
        writer.append(piece);
    }
    auto copy = writer.finish();
    copy.stored.identity_bytes = source.identity_bytes;
    copy.stored.revpos = source.revpos;
    return copy;
}

}  // namespace

Result<std::optional<storage::Revision>> copy_source(const Request& request) {
    const auto queried = query_revision(request);
    if (!queried) return queried.error();
    return agreed_revision(request, *queried);
}

Result<CopyTarget> copy_target(const Request& request) {
    const auto* header = request.header("destination");
    if (header == nullptr) return bad_request("Destination header is mandatory for COPY.");
    const std::string_view destination = *header;
    if (destination.starts_with("http://") || destination.starts_with("https://")) {
        return bad_request("Destination URL must be relative.");
    }
    const auto mark = destination.find('?');
    auto id = url_decode(destination.substr(0, mark));
    if (!id) return id.error();
    CopyTarget target{std::move(*id), std::nullopt};
    if (mark == std::string_view::npos) return target;

    const auto query = destination.substr(mark + 1);
    const auto equals = query.find('=');
    if (equals == std::string_view::npos) return bad_request("Invalid rev format");
    auto revision = storage::parse_revision(query.substr(equals + 1));
    if (!revision) return revision.error();
    target.revision = std::move(*revision);
    return target;
}

DocumentCopy copy_edit(const std::shared_ptr<storage::Database>& database,
                       const storage::ReadView& view, const OpenedDocument& source,
                       const CopyTarget& target) {
    DocumentCopy copy;
    copy.edit = edit_of(target.id, target.revision, source.body);
    for (auto& attachment : copy.edit.attachments) {
        const auto stored = attachment.stored;
        const bool gzipped = stored.encoding == storage::AttachmentEncoding::gzip;
        // Stored as it is: nothing is packed again.
        const storage::AttachmentSettings as_is{0, {}};
        copy.writers.push_back(std::make_unique<storage::AttachmentWriter>(
            database, stored.name, stored.content_type, gzipped, as_is));
        attachment = copy_attachment(*copy.writers.back(), view, stored);
    }
    return copy;
}

}  // namespace divan::server
