#include "server/handlers/documents/local_docs.h"

#include "server/handlers/documents/document_copy.h"
#include "server/handlers/documents/document_edit.h"
#include "server/handlers/documents/document_form.h"
#include "server/handlers/documents/document_query.h"
#include "server/handlers/documents/document_reply.h"
#include "server/handlers/documents/user_documents.h"
#include "server/handlers/etag.h"
#include "server/handlers/json_body.h"
#include "storage/database/local_docs.h"

// Revisions of local documents are "0-N". They are no history: whoever writes gets the N that was
// sent, plus one, whatever is stored.

namespace divan::server {
namespace {

using storage::ClientDocument;
using storage::LocalDoc;
using storage::Revision;

std::string revision_text(std::uint64_t edit_count) {
    return "0-" + std::to_string(edit_count);
}

// The id without its prefix.
std::string local_name(const Call& call) {
    const auto& segments = call.request.segments;
    DIVAN_CHECK(segments.size() > 1);
    if (is_bad_local_id(segments[1]) && segments.size() < 3) {
        throw Refused(Code::bad_request, "Invalid _local document id.");
    }
    if (is_local_id(segments[1]) && segments.size() == 2) {
        return segments[1].substr(local_prefix.size());
    }
    if (segments.size() > 3) {
        throw Refused(Code::bad_request, "_local documents do not accept attachments.");
    }
    return segments.back();
}

std::string full_id(std::string_view name) {
    return std::string(local_prefix) + std::string(name);
}

// `name` by value: the pool works on it.
Task<LocalDoc> read_local(Call& call, std::string name) {
    auto doc = co_await call.services.on_storage(
        [&] { return storage::LocalDocs(call.db()).get(name); });
    if (!doc) throw Refused(Code::not_found, "missing");
    co_return *std::move(doc);
}

std::optional<Revision> own_revision(const ClientDocument& document) {
    if (document.revisions.empty()) return document.revision;
    return Revision{document.revisions_start, document.revisions.front()};
}

Task<Response> copy_to_document(Call& call, ClientDocument document) {
    const std::string id = *document.id;
    check_writable_id(call, id).value();
    auto edit = make_edit(std::move(document), true).value();
    const auto written = co_await write_edit(call, std::move(edit));
    const auto revision = to_string(written.value());
    Response response = written_reply(201, id, revision);
    add_etag(response, revision);
    add_location(response, call, id);
    co_return std::move(response);
}

}  // namespace

std::string local_document_json(std::string_view name, const LocalDoc& doc, bool revs) {
    std::string json = R"({"_id":)";
    append_json_string(json, full_id(name));
    json.append(R"(,"_rev":")").append(revision_text(doc.edit_count)).push_back('"');
    if (doc.body.size() > 2) {
        json.push_back(',');
        json.append(doc.body, 1, doc.body.size() - 2);
    }
    if (revs) {
        json += R"(,"_revisions":{"start":0,"ids":[")";
        json += std::to_string(doc.edit_count);
        json += R"("]})";
    }
    return json + "}";
}

Task<LocalWritten> write_local(Call& call, ClientDocument document) {
    LocalWritten written{*document.id, {}, document.deleted};
    check_user_writer({call.services, call.identity, call.db()}, written.id).value();
    const auto name = written.id.substr(local_prefix.size());
    std::uint64_t seen = 0;
    const auto revision = own_revision(document);
    if (revision && !document.deleted) {
        seen = storage::parse_local_revision(to_string(*revision)).value();
    }
    const auto edit_count = co_await call.services.on_storage([&]() -> std::uint64_t {
        storage::LocalDocs docs(call.db());
        if (!document.deleted) return docs.put(name, document.body, seen);
        docs.erase(name);
        return 0;
    });
    written.revision = revision_text(edit_count);
    co_return std::move(written);
}

Response local_write_response(const Call& call, const LocalWritten& written) {
    Response response = written_reply(written.deleted ? 200 : 201, written.id, written.revision);
    add_etag(response, written.revision);
    add_location(response, call, written.id);
    return response;
}

Task<Response> get_local_doc(Call& call) {
    const auto name = local_name(call);
    const auto query = parse_document_query(call.request).value();
    // There is but one revision, and it is not found by its name.
    if (!query.all_open_revisions && !query.open_revisions.empty()) {
        co_return open_revisions_reply(call, call.db().view(), full_id(name), query);
    }
    const bool by_revision = (query.revision && !query.latest) || query.all_open_revisions;
    if (by_revision) co_return refusal(Code::not_found, "missing");

    const LocalDoc doc = co_await read_local(call, name);
    co_return etagged_json(call.request,
                           local_document_json(name, doc, query.options.revs) + '\n');
}

Task<Response> put_local_doc(Call& call) {
    const auto name = local_name(call);
    const auto query = parse_document_query(call.request).value();
    const std::string body = co_await read_body(call);
    auto document = storage::parse_client_document(body).value();
    check_document(call, document).value();
    settle_document(call.request, full_id(name), query.new_edits, document).value();
    const auto written = co_await write_local(call, std::move(document));
    if (is_batch(call.request)) co_return batch_reply(written.id);
    co_return local_write_response(call, written);
}

Task<Response> post_local_doc(Call& call) {
    local_name(call);
    check_referer(call.request).value();
    co_return refusal(Code::bad_request, "_local documents do not accept attachments.");
}

Task<Response> delete_local_doc(Call& call) {
    const auto name = local_name(call);
    agreed_revision(call.request, query_revision(call.request).value()).value();
    const bool erased = co_await call.services.on_storage(
        [&] { return storage::LocalDocs(call.db()).erase(name); });
    if (!erased) co_return refusal(Code::not_found, "missing");

    const auto revision = revision_text(0);
    Response response = written_reply(200, full_id(name), revision);
    add_etag(response, revision);
    co_return std::move(response);
}

Task<Response> copy_local_doc(Call& call) {
    const auto name = local_name(call);
    const auto revision = copy_source(call.request).value();
    auto target = copy_target(call.request).value();
    if (revision) co_return refusal(Code::not_found, "missing");
    const LocalDoc doc = co_await read_local(call, name);
    auto document = storage::parse_client_document(doc.body).value();
    if (target.revision) document.revision.emplace(*target.revision);
    document.id = std::move(target.id);
    if (!is_local_id(*document.id)) {
        auto copied = co_await copy_to_document(call, std::move(document));
        co_return std::move(copied);
    }
    storage::validate_document_id(*document.id).value();
    const auto written = co_await write_local(call, std::move(document));
    co_return local_write_response(call, written);
}

}  // namespace divan::server
