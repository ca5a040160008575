#include "server/handlers/documents/attachments.h"

#include "server/config/config.h"
#include "server/handlers/documents/attachment_upload.h"
#include "server/handlers/documents/byte_ranges.h"
#include "server/handlers/documents/document_edit.h"
#include "server/handlers/documents/document_query.h"
#include "server/handlers/documents/document_reply.h"
#include "server/handlers/documents/segment_source.h"
#include "storage/base/digest.h"
#include "storage/base/random.h"

namespace divan::server {
namespace {

using storage::AttachmentEncoding;
using storage::StoredAttachment;

constexpr std::string_view default_type = "application/octet-stream";
/// From so many ranges on the whole is cheaper.
constexpr std::size_t ranges_max = 10;

Error no_such_attachment() {
    return {Code::not_found, "Document is missing attachment", {}};
}

Error no_local_attachments() {
    return {Code::bad_request, "_local documents do not accept attachments.", {}};
}

// chttpd_util:maybe_add_csp_header/3: what others have uploaded must not act in this host's name.
void add_sandbox(Response& response, const Config& config) {
    if (!config.get_bool("csp", "attachments_enable", true)) return;
    response.add("Content-Security-Policy",
                 config.get("csp", "attachments_header_value", "sandbox"));
}

Response ranges_reply(const Call& call, const std::shared_ptr<const storage::ReadView>& view,
                      const StoredAttachment& attachment, const std::vector<ByteRange>& ranges) {
    const auto boundary = random_uuid();
    std::vector<Segment> segments;
    segments.push_back(text_segment("--" + boundary));
    for (const auto& range : ranges) {
        segments.push_back(text_segment(
            "\r\nContent-Type: " + attachment.content_type +
            "\r\nContent-Range: " + content_range(range, attachment.stored_bytes) + "\r\n\r\n"));
        segments.push_back(range_segment(attachment, range.first, range.size()));
        segments.push_back(text_segment("\r\n--" + boundary));
    }
    segments.push_back(text_segment("--"));

    Response response;
    response.status = 206;
    response.add("Content-Type", "multipart/byteranges; boundary=\"" + boundary + "\"");
    set_segments(response, call.services, call.request.head, view, std::move(segments));
    return response;
}

Response attachment_reply(const Call& call, const std::shared_ptr<const storage::ReadView>& view,
                          const StoredAttachment& attachment) {
    const auto gzip_accepted = accepts_gzip(call.request.header("accept-encoding"));
    if (!gzip_accepted) return refusal(gzip_accepted.error());
    auto etag = "\"" + base64_encode(as_bytes(attachment.digest)) + "\"";
    if (etag_matches(call.request, etag)) return not_modified(std::move(etag));

    const bool packed = attachment.encoding == AttachmentEncoding::gzip;
    std::vector<Segment> segments;
    segments.push_back(packed && !*gzip_accepted ? unpacked_segment(attachment)
                                                 : stored_segment(attachment));
    std::optional<std::vector<ByteRange>> ranges;
    if (const auto bytes = segments_bytes(segments)) {
        auto parsed = parse_byte_ranges(call.request.header("range"), *bytes);
        if (!parsed) return refusal(parsed.error());
        ranges = std::move(*parsed);
        if (packed || (ranges && ranges->size() >= ranges_max)) ranges.reset();
    }
    if (ranges && ranges->size() != 1) return ranges_reply(call, view, attachment, *ranges);

    Response response;
    response.headers.reserve(8);
    response.add("ETag", std::move(etag));
    response.add("Cache-Control", "must-revalidate");
    response.add("Content-Type", attachment.content_type);
    if (packed && *gzip_accepted) response.add("Content-Encoding", "gzip");
    response.add("Accept-Ranges", packed ? "none" : "bytes");
    add_sandbox(response, call.services.config);
    if (ranges) {
        const auto& range = ranges->front();
        response.status = 206;
        response.add("Content-Range", content_range(range, attachment.stored_bytes));
        segments[0] = range_segment(attachment, range.first, range.size());
    }
    set_segments(response, call.services, call.request.head, view, std::move(segments));
    return response;
}

/// Whether the upload comes gzipped and is to stay so.
Result<bool> comes_gzipped(const Request& request) {
    const auto* header = request.header("content-encoding");
    if (header == nullptr) return false;
    std::string encoding;
    for (const char c : *header) {
        if (c == ' ') continue;
        encoding += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    if (encoding == "identity") return false;
    if (encoding == "gzip") return true;
    return Error{Code::bad_content_type,
                 "Only gzip and identity content-encodings are supported", {}};
}

/// The revision that the request changes. Empty where it names none.
Result<std::optional<storage::Revision>> named_revision(const Request& request) {
    const auto queried = query_revision(request);
    if (!queried) return queried.error();
    return agreed_revision(request, *queried);
}

/// The document as it is at `revision`, ready for a change; a new one where there is none.
Result<storage::Edit> edit_at(const Call& call, const std::string& id,
                              const std::optional<storage::Revision>& revision) {
    if (!revision) {
        if (auto good = check_writable_id(call, id); !good) return good.error();
        auto document = storage::parse_client_document("{}").value();
        document.id = id;
        return make_edit(std::move(document), true);
    }
    const auto view = call.db().view();
    const auto body = view->body(id, *revision);
    // couch_doc's error for a revision that is not there; 404 would be said of the document.
    if (!body) return Error{Code::conflict, "missing_rev", "not_found"};
    return edit_of(id, revision, *body);
}

}  // namespace

Task<Response> get_attachment(Call& call) {
    const auto id = document_id(call);
    if (auto redirect = design_redirect(call)) co_return std::move(*redirect);
    if (is_local_id(id)) co_return refusal(no_local_attachments());
    const auto query = parse_document_query(call.request);
    if (!query) co_return refusal(query.error());
    if (auto good = check_readable_id(call, id); !good) co_return refusal(good.error());

    const auto view = call.db().view();
    const auto opened = open_document(*view, id, query->revision, {}, query->deleted_too);
    if (!opened) co_return refusal(opened.error());
    const auto* attachment = opened->body.attachment(call.path("attachment"));
    if (attachment == nullptr) co_return refusal(no_such_attachment());
    call.services.metrics.document_reads.fetch_add(1, std::memory_order_relaxed);
    co_return attachment_reply(call, view, *attachment);
}

Task<Response> put_attachment(Call& call) {
    const auto id = document_id(call);
    const auto& name = call.path("attachment");
    if (is_local_id(id)) co_return refusal(no_local_attachments());
    if (auto good = check_attachment_name(name); !good) co_return refusal(good.error());
    const auto gzipped = comes_gzipped(call.request);
    if (!gzipped) co_return refusal(gzipped.error());
    const auto revision = named_revision(call.request);
    if (!revision) co_return refusal(revision.error());
    auto edit = edit_at(call, id, *revision);
    if (!edit) co_return refusal(edit.error());

    const auto* type = call.request.header("content-type");
    AttachmentUpload upload(call,
                            {name, type ? *type : std::string(default_type), *gzipped});
    upload.expect(call.request.body->length());
    call.request.body->keep_encoding();
    co_await receive(*call.request.body, upload);
    auto attachment = co_await upload.finish();
    attachment.stored.revpos = new_revpos(*edit);
    std::vector<storage::EditAttachment> added;
    added.push_back(std::move(attachment));
    put_attachments_first(*edit, std::move(added));

    const auto written = co_await write_edit(call, std::move(*edit));
    if (!written) co_return refusal(written.error());
    upload.keep();
    auto response = written_reply(201, id, to_string(*written));
    add_attachment_location(response, call, id, name);
    co_return std::move(response);
}

Task<Response> delete_attachment(Call& call) {
    const auto id = document_id(call);
    const auto& name = call.path("attachment");
    if (is_local_id(id)) co_return refusal(no_local_attachments());
    if (auto good = check_attachment_name(name); !good) co_return refusal(good.error());
    const auto revision = named_revision(call.request);
    if (!revision) co_return refusal(revision.error());
    if (auto good = check_readable_id(call, id); !good) co_return refusal(good.error());
    if (!*revision) {
        // Without a revision it can only be a conflict, if there is something to be deleted at all.
        const auto found = storage::read_winner(call.db(), id);
        if (!found) co_return refusal(Code::not_found, "missing");
        if (found->head.deleted) co_return refusal(Code::not_found, "deleted");
        if (!found->body.attachment(name)) co_return refusal(no_such_attachment());
        co_return refusal(Code::conflict);
    }
    auto edit = edit_at(call, id, *revision);
    if (!edit) co_return refusal(edit.error());
    const auto gone = std::erase_if(
        edit->attachments, [&name](const auto& kept) { return kept.stored.name == name; });
    if (gone == 0) co_return refusal(no_such_attachment());

    const auto written = co_await write_edit(call, std::move(*edit));
    if (!written) co_return refusal(written.error());
    co_return written_reply(200, id, to_string(*written));
}

}  // namespace divan::server
