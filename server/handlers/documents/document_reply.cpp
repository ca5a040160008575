#include "server/handlers/documents/document_reply.h"

#include <algorithm>

#include "server/handlers/accept.h"
#include "server/handlers/documents/segment_source.h"
#include "storage/base/json.h"
#include "storage/base/random.h"

namespace divan::server {
namespace {

using storage::DocumentOptions;
using storage::ReadView;
using storage::Revision;

Error not_found(const char* reason) {
    return {Code::not_found, reason, {}};
}

std::string etag_of(const Revision& revision) {
    std::string etag = "\"";
    storage::append_revision(etag, revision);
    etag += '"';
    return etag;
}

/// What only the winner of a plain read shows: nothing of it is told of a named revision.
void forget_meta(DocumentOptions& options) {
    options.revs_info = false;
    options.conflicts = false;
    options.deleted_conflicts = false;
    options.local_seq = false;
}

/// Parts announce their encoding and are sent as they are stored.
DocumentOptions multipart_options(DocumentOptions options) {
    options.attachments = true;
    options.follows = true;
    options.att_encoding_info = true;
    return options;
}

std::string part_head(const storage::StoredAttachment& attachment) {
    std::string head = "\r\nContent-Disposition: attachment; filename=\"" + attachment.name +
                       "\"\r\nContent-Type: " + attachment.content_type +
                       "\r\nContent-Length: " + std::to_string(attachment.stored_bytes);
    if (attachment.encoding == storage::AttachmentEncoding::gzip) {
        head += "\r\nContent-Encoding: gzip";
    }
    return head + "\r\n\r\n";
}

/// Appends a document and its attachments' bytes as couch_httpd_multipart writes them: the inner
/// form of both multipart answers. Without attachments it is just the document.
void add_related(std::vector<Segment>& segments, const std::string& boundary, std::string json,
                 const std::vector<const storage::StoredAttachment*>& attachments) {
    if (attachments.empty()) {
        segments.push_back(text_segment(std::move(json)));
        return;
    }
    segments.push_back(text_segment("--" + boundary + "\r\nContent-Type: application/json\r\n\r\n" +
                                    std::move(json) + "\r\n--" + boundary));
    for (const auto* attachment : attachments) {
        segments.push_back(text_segment(part_head(*attachment)));
        segments.push_back(stored_segment(*attachment));
        segments.push_back(text_segment("\r\n--" + boundary));
    }
    segments.push_back(text_segment("--"));
}

std::string related_type(const std::string& boundary, bool with_attachments) {
    if (!with_attachments) return "application/json";
    return "multipart/related; boundary=\"" + boundary + "\"";
}

/// A document with its attachments in parts.
Response related_reply(const Call& call, const std::shared_ptr<const ReadView>& view,
                       std::string_view id, const OpenedDocument& opened,
                       const DocumentOptions& wanted) {
    const auto options = multipart_options(wanted);
    const auto* record = opened.record ? &*opened.record : nullptr;
    std::string json;
    bool meta_shown = false;
    storage::append_document(json, *view, id, opened.revision, opened.body, record, options,
                             &meta_shown);
    const auto attachments =
        storage::attachments_to_send(opened.body, opened.revision, record, options);
    const auto boundary = random_uuid();
    std::vector<Segment> segments;
    add_related(segments, boundary, std::move(json), attachments);

    Response response;
    response.add("Content-Type", related_type(boundary, !attachments.empty()));
    if (!meta_shown) response.add("ETag", etag_of(opened.revision));
    set_segments(response, call.services, call.request.head, view, std::move(segments));
    return response;
}

Response json_reply(const ReadView& view, std::string_view id, const OpenedDocument& opened,
                    const DocumentOptions& options) {
    std::string json;
    json.reserve(opened.body.text().size() + id.size() + 128);
    bool meta_shown = false;
    storage::append_document(json, view, id, opened.revision, opened.body,
                             opened.record ? &*opened.record : nullptr, options, &meta_shown);
    json += '\n';
    auto response = json_response(200, std::move(json));
    if (!meta_shown) response.add("ETag", etag_of(opened.revision));
    return response;
}

/// The answer to `open_revs` where the document is not there at all.
std::vector<storage::OpenRevision> all_missing(std::vector<Revision> wanted) {
    std::sort(wanted.begin(), wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    std::vector<storage::OpenRevision> missing;
    missing.reserve(wanted.size());
    for (const auto& revision : wanted) missing.push_back({revision, std::nullopt});
    return missing;
}

std::string missing_json(const Revision& revision) {
    return "{\"missing\":" + json_string(to_string(revision)) + "}";
}

Response open_revisions_json(const ReadView& view, std::string_view id,
                             const std::vector<storage::OpenRevision>& found,
                             const storage::DocumentRecord* record,
                             const DocumentOptions& options) {
    std::string json = "[";
    for (const auto& one : found) {
        if (json.size() > 1) json += ',';
        if (!one.body) {
            json += missing_json(one.revision);
            continue;
        }
        json += "{\"ok\":";
        storage::append_document(json, view, id, one.revision, *one.body, record, options);
        json += '}';
    }
    json += "]\n";
    return json_response(200, std::move(json));
}

Response open_revisions_mixed(const Call& call, const std::shared_ptr<const ReadView>& view,
                              std::string_view id, const std::vector<storage::OpenRevision>& found,
                              const storage::DocumentRecord* record,
                              const DocumentOptions& wanted) {
    const auto options = multipart_options(wanted);
    const auto outer = random_uuid();
    const auto inner = random_uuid();
    std::vector<Segment> segments;
    segments.push_back(text_segment("--" + outer));
    for (const auto& one : found) {
        if (!one.body) {
            segments.push_back(
                text_segment("\r\nContent-Type: application/json; error=\"true\"\r\n\r\n" +
                             missing_json(one.revision)));
        } else {
            std::string json;
            storage::append_document(json, *view, id, one.revision, *one.body, record, options);
            const auto attachments =
                storage::attachments_to_send(*one.body, one.revision, record, options);
            segments.push_back(text_segment("\r\nContent-Type: " +
                                            related_type(inner, !attachments.empty()) +
                                            "\r\n\r\n"));
            add_related(segments, inner, std::move(json), attachments);
        }
        segments.push_back(text_segment("\r\n--" + outer));
    }
    segments.push_back(text_segment("--"));

    Response response;
    response.add("Content-Type", "multipart/mixed; boundary=\"" + outer + "\"");
    set_segments(response, call.services, call.request.head, view, std::move(segments));
    return response;
}

}  // namespace

bool etag_matches(const Request& request, std::string_view etag) {
    const auto* header = request.header("if-none-match");
    if (header == nullptr) return false;
    std::string_view rest = *header;
    while (!rest.empty()) {
        const auto end = std::min(rest.find_first_of(", "), rest.size());
        auto token = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (token.starts_with("W/")) token.remove_prefix(2);
        if (token == etag) return true;
    }
    return false;
}

Response not_modified(std::string etag) {
    Response response;
    response.status = 304;
    response.add("ETag", std::move(etag));
    return response;
}

Response winner_reply(const Call& call, std::string_view id) {
    const auto found = storage::read_winner(call.db(), id);
    if (!found) return refusal(not_found("missing"));
    if (found->head.deleted) return refusal(not_found("deleted"));
    call.services.metrics.document_reads.fetch_add(1, std::memory_order_relaxed);

    auto etag = etag_of(found->head.winner);
    if (etag_matches(call.request, etag)) return not_modified(std::move(etag));

    const auto text = found->body.text();
    std::string json;
    json.reserve(text.size() + id.size() + etag.size() + 32 +
                 found->body.attachments().size() * 192);
    json += "{\"_id\":";
    append_json_string(json, id);
    json += ",\"_rev\":";
    append_json_string(json, std::string_view(etag).substr(1, etag.size() - 2));
    const auto members = text.substr(1, text.size() - 2);
    if (!members.empty()) json += ',';
    json += members;
    if (!found->body.attachments().empty()) {
        json += ",\"_attachments\":{";
        for (const auto& attachment : found->body.attachments()) {
            if (json.back() != '{') json += ',';
            storage::append_attachment_stub(json, attachment, {});
        }
        json += '}';
    }
    json += "}\n";
    auto response = json_response(200, std::move(json));
    response.add("ETag", std::move(etag));
    return response;
}

Result<OpenedDocument> open_document(const ReadView& view, std::string_view id,
                                     const std::optional<Revision>& revision,
                                     const DocumentOptions& options, bool deleted_too) {
    OpenedDocument opened;
    if (options.needs_tree()) {
        opened.record = view.record(id);
        if (!opened.record) return not_found("missing");
    }
    if (revision) {
        auto body = view.body(id, *revision);
        if (!body) return not_found("missing");
        opened.revision = *revision;
        opened.body = std::move(*body);
        return opened;
    }
    auto winner = view.winner(id);
    if (!winner) return not_found("missing");
    if (winner->head.deleted && !deleted_too) return not_found("deleted");
    opened.revision = std::move(winner->head.winner);
    opened.body = std::move(winner->body);
    return opened;
}

Response document_reply(const Call& call, const std::shared_ptr<const ReadView>& view,
                        std::string_view id, const DocumentQuery& query) {
    auto options = query.options;
    // `latest` without `open_revs` opens the winner, whatever `rev` says.
    const auto revision = query.latest ? std::nullopt : query.revision;
    if (revision) forget_meta(options);

    auto opened = open_document(*view, id, revision, options, query.deleted_too);
    if (!opened) return refusal(opened.error());
    call.services.metrics.document_reads.fetch_add(1, std::memory_order_relaxed);

    const bool shows_meta = options.revs_info || options.local_seq || options.conflicts ||
                            options.deleted_conflicts;
    auto etag = etag_of(opened->revision);
    if (!shows_meta && etag_matches(call.request, etag)) return not_modified(std::move(etag));

    const bool related = options.attachments && !opened->body.attachments().empty() &&
                         accepts(call.request, "multipart/related");
    auto response = related ? related_reply(call, view, id, *opened, options)
                            : json_reply(*view, id, *opened, options);
    // `conflicts` of a document that has none are no meta.
    if (response.header("ETag") && etag_matches(call.request, etag)) {
        return not_modified(std::move(etag));
    }
    return response;
}

Response open_revisions_reply(const Call& call, const std::shared_ptr<const ReadView>& view,
                              std::string_view id, const DocumentQuery& query) {
    auto options = query.options;
    forget_meta(options);
    std::optional<std::vector<Revision>> wanted;
    if (!query.all_open_revisions) wanted = query.open_revisions;

    const auto record = view->record(id);
    if (!record && !wanted) return refusal(not_found("missing"));
    const auto found = record
                           ? storage::open_revisions(*view, id, *record, wanted, query.latest)
                           : all_missing(*wanted);
    const auto* tree = record ? &*record : nullptr;
    call.services.metrics.document_reads.fetch_add(found.size(), std::memory_order_relaxed);
    if (accepts(call.request, "multipart/mixed")) {
        return open_revisions_mixed(call, view, id, found, tree, options);
    }
    return open_revisions_json(*view, id, found, tree, options);
}

}  // namespace divan::server
