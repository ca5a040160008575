#include "server/handlers/documents/document_edit.h"

#include "server/handlers/documents/admission.h"
#include "server/handlers/documents/document_query.h"
#include "server/handlers/documents/user_audit.h"
#include "server/handlers/documents/validation.h"
#include "server/handlers/documents/write_checks.h"
#include "storage/base/json.h"

namespace divan::server {
namespace {

using storage::ClientDocument;
using storage::Edit;
using storage::Revision;

Error bad_request(std::string reason) {
    return {Code::bad_request, std::move(reason), {}};
}

/// The revision that the body names; `_revisions` beats `_rev`.
std::optional<Revision> body_revision(const ClientDocument& document) {
    if (document.revisions.empty()) return document.revision;
    return Revision{document.revisions_start, document.revisions.front()};
}

}  // namespace

Result<void> check_attachment_name(std::string_view name) {
    if (name.starts_with('_')) {
        return bad_request("Attachment name '" + std::string(name) +
                           "' starts with prohibited character '_'");
    }
    if (!parse_json(json_string(name))) return bad_request("Attachment name is not UTF-8 encoded");
    return {};
}

Result<void> check_document(const Call& call, const ClientDocument& document) {
    auto checked = check_limits(document, write_limits(call.services.config));
    if (!checked) return checked;
    if (document.id && call.db().entry().partitioned) {
        checked = storage::validate_partitioned_id(*document.id);
        if (!checked) return checked;
    }
    for (const auto& attachment : document.attachments) {
        checked = check_attachment_name(attachment.name);
        if (!checked) return checked;
    }
    return {};
}

bool is_batch(const Request& request) {
    const auto* batch = first_parameter(request, "batch");
    return batch != nullptr && *batch == "ok";
}

Response batch_reply(std::string_view id) {
    return json_response(202, "{\"ok\":true,\"id\":" + json_string(id) + "}\n");
}

Result<void> settle_document(const Request& request, std::string id, bool new_edits,
                             ClientDocument& document) {
    const auto queried = query_revision(request);
    if (!queried) return queried.error();
    const auto in_body = body_revision(document);
    if (in_body && *queried && *in_body != **queried) {
        return bad_request(
            "Document rev from request body and query string have different values");
    }
    const auto agreed = agreed_revision(request, in_body ? in_body : *queried);
    if (!agreed) return agreed.error();
    if (!in_body) document.revision = *agreed;
    if (!new_edits && !*agreed) {
        return bad_request(
            "When `new_edits: false`, the document needs `_rev` or `_revisions` specified");
    }
    document.id = std::move(id);
    return {};
}

Edit edit_of(std::string id, std::optional<Revision> parent, const storage::StoredBody& body) {
    // What is stored was normalised when it came; only its digestible form has to be made again.
    auto document = storage::parse_client_document(body.text()).value();
    Edit edit;
    edit.id = std::move(id);
    edit.parent = std::move(parent);
    edit.deleted = body.deleted();
    edit.body = std::move(document.body);
    edit.term = std::move(document.term);
    edit.attachments.reserve(body.attachments().size() + 1);
    for (const auto& attachment : body.attachments()) {
        storage::EditAttachment stub;
        stub.stub = true;
        stub.stored = attachment;
        edit.attachments.push_back(std::move(stub));
    }
    return edit;
}

Result<void> replace_body(Edit& edit, std::string_view body) {
    auto document = storage::parse_client_document(body);
    if (document.has_error()) return document.error();
    edit.body = std::move(document->body);
    edit.term = std::move(document->term);
    edit.revision.reset();
    return {};
}

std::uint64_t new_revpos(const Edit& edit) {
    return (edit.parent ? edit.parent->generation : 0) + 1;
}

void put_attachments_first(Edit& edit, std::vector<storage::EditAttachment> added) {
    const auto replaced = [&added](const storage::EditAttachment& kept) {
        return std::any_of(added.begin(), added.end(), [&](const auto& one) {
            return one.stored.name == kept.stored.name;
        });
    };
    std::erase_if(edit.attachments, replaced);
    edit.attachments.insert(edit.attachments.begin(), std::make_move_iterator(added.begin()),
                            std::make_move_iterator(added.end()));
    edit.revision.reset();
}

Task<Result<Revision>> write_edit(Call& call, Edit edit) {
    const Admission admission({call.services, call.identity, call.db()});
    Result<bool> admitted = true;
    if (admission.slow()) {
        admitted = co_await call.services.on_storage([&] { return admission.admit(edit); });
    } else {
        admitted = admission.admit(edit);
    }
    if (!admitted) co_return admitted.error();
    if (!*admitted) co_return Revision{edit.generation, edit.path.front()};

    std::vector<Edit> edits;
    edits.push_back(std::move(edit));
    auto refusals = co_await validate_edits(call, edits);
    if (!refusals.empty() && refusals.front()) co_return *std::move(refusals.front());
    auto outcomes = co_await write_edits_audited(call, std::move(edits));
    if (!outcomes) co_return outcomes.error();
    co_return std::move(outcomes->front());
}

Response written_reply(int status, std::string_view id, std::string_view revision) {
    std::string body;
    body.reserve(id.size() + revision.size() + 40);
    body += R"({"ok":true,"id":)";
    append_json_string(body, id);
    body += R"(,"rev":)";
    append_json_string(body, revision);
    body += "}\n";
    return json_response(status, std::move(body));
}

void add_etag(Response& response, std::string_view revision) {
    std::string etag;
    etag.reserve(revision.size() + 2);
    etag += '"';
    etag += revision;
    etag += '"';
    response.add("ETag", std::move(etag));
}

void add_location(Response& response, const Call& call, std::string_view id) {
    response.add("Location", absolute_uri(call.request, "/" + url_encode(call.db().name()) + "/" +
                                                            url_encode(id)));
}

void add_attachment_location(Response& response, const Call& call, std::string_view id,
                             std::string_view attachment) {
    // CouchDB leaves the database's name as it is here, and only here.
    response.add("Location", absolute_uri(call.request, "/" + call.db().name() + "/" +
                                                            url_encode(id) + "/" +
                                                            url_encode(attachment)));
}

}  // namespace divan::server
