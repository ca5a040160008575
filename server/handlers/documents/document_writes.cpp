#include "server/handlers/documents/document_copy.h"
#include "server/handlers/documents/document_edit.h"
#include "server/handlers/documents/document_form.h"
#include "server/handlers/documents/document_query.h"
#include "server/handlers/documents/document_reply.h"
#include "server/handlers/documents/documents.h"
#include "server/handlers/documents/local_docs.h"
#include "server/handlers/documents/related_upload.h"
#include "server/handlers/documents/write_checks.h"
#include "server/handlers/json_body.h"
#include "storage/base/json.h"

namespace divan::server {
namespace {

using storage::ClientDocument;
using storage::Edit;
using storage::Revision;

constexpr std::string_view multipart_related = "multipart/related;";

/// Runs `work` here, or on the pool where it is about many bytes.
template <class F>
Task<std::invoke_result_t<F>> run_for(Call& call, std::size_t bytes, F work) {
    if (bytes <= inline_parse_bytes_max) co_return work();
    auto result = co_await call.services.on_storage(std::move(work));
    co_return std::move(result);
}

/// Local documents have handlers of their own, which find them in this form of path too.
bool is_local(std::string_view id) {
    return is_local_id(id) || is_bad_local_id(id);
}

Result<Edit> edit_from_json(const Call& call, const std::string& id, bool new_edits,
                            std::string_view json) {
    auto document = storage::parse_client_document(json);
    if (!document) return document.error();
    if (auto good = check_document(call, *document); !good) return good.error();
    if (auto good = settle_document(call.request, id, new_edits, *document); !good) {
        return good.error();
    }
    return make_edit(std::move(*document), new_edits, attachment_settings(call.services.config));
}

Response put_reply(const Call& call, std::string_view id, bool deleted,
                   const Result<Revision>& written) {
    if (!written) return refusal(written.error());
    const auto revision = to_string(*written);
    auto response = written_reply(deleted ? 200 : 201, id, revision);
    add_etag(response, revision);
    add_location(response, call, id);
    return response;
}

/// The first part is the document; the others are its attachments.
Task<Response> put_related(Call& call, const std::string& id, bool new_edits) {
    const auto bytes_max = request_bytes_max(call.services.config);
    PartReader parts(call.request, bytes_max);
    co_await parts.begin_part();
    parts.require_json();
    const auto json = co_await parts.read_part(bytes_max);
    auto document = co_await run_for(call, json.size(),
                                     [&] { return storage::parse_client_document(json); });
    if (!document) co_return refusal(document.error());
    if (auto good = check_document(call, *document); !good) co_return refusal(good.error());
    if (auto good = settle_document(call.request, id, new_edits, *document); !good) {
        co_return refusal(good.error());
    }
    FollowsUpload upload(call, *document);
    co_await upload.receive(parts);
    auto received = co_await upload.finish();
    auto edit = co_await run_for(call, json.size(), [&] {
        return make_edit(std::move(*document), new_edits,
                         attachment_settings(call.services.config), std::move(received));
    });
    if (!edit) co_return refusal(edit.error());

    const bool deleted = edit->deleted;
    const auto written = co_await write_edit(call, std::move(*edit));
    if (written) upload.keep();
    co_return put_reply(call, id, deleted, written);
}

}  // namespace

Task<Response> post_document(Call& call) {
    require_json_type(call.request);
    const auto json = co_await read_body(call);
    auto document = co_await run_for(call, json.size(),
                                     [&] { return storage::parse_client_document(json); });
    if (!document) co_return refusal(document.error());
    if (auto good = check_document(call, *document); !good) co_return refusal(good.error());
    if (!document->id) {
        document->id = call.services.uuids->next(call.services.config);
        document->revision.reset();
        document->revisions.clear();
        if (auto good = check_writable_id(call, *document->id); !good) {
            co_return refusal(good.error());
        }
    }
    const auto id = *document->id;
    if (is_local_id(id)) {
        const auto local = co_await write_local(call, std::move(*document));
        if (is_batch(call.request)) co_return batch_reply(id);
        auto response = written_reply(201, id, local.revision);
        add_location(response, call, id);
        co_return std::move(response);
    }
    auto edit = co_await run_for(call, json.size(), [&] {
        return make_edit(std::move(*document), true, attachment_settings(call.services.config));
    });
    if (!edit) co_return refusal(edit.error());
    const auto written = co_await write_edit(call, std::move(*edit));
    if (is_batch(call.request)) co_return batch_reply(id);
    if (!written) co_return refusal(written.error());
    auto response = written_reply(201, id, to_string(*written));
    add_location(response, call, id);
    co_return std::move(response);
}

Task<Response> put_document(Call& call) {
    const auto id = document_id(call);
    if (is_local(id)) co_return co_await put_local_doc(call);
    const auto query = parse_document_query(call.request);
    if (!query) co_return refusal(query.error());
    if (auto good = check_writable_id(call, id); !good) co_return refusal(good.error());

    const auto* content_type = call.request.header("content-type");
    if (content_type && content_type->starts_with(multipart_related)) {
        co_return co_await put_related(call, id, query->new_edits);
    }
    const auto json = co_await read_body(call);
    auto edit = co_await run_for(call, json.size(), [&] {
        return edit_from_json(call, id, query->new_edits, json);
    });
    if (!edit) co_return refusal(edit.error());
    const bool deleted = edit->deleted;
    const auto written = co_await write_edit(call, std::move(*edit));
    if (is_batch(call.request)) co_return batch_reply(id);
    co_return put_reply(call, id, deleted, written);
}

Task<Response> delete_document(Call& call) {
    const auto id = document_id(call);
    if (is_local(id)) co_return co_await delete_local_doc(call);
    if (auto good = check_readable_id(call, id); !good) co_return refusal(good.error());
    const auto found = storage::read_winner(call.db(), id);
    if (!found) co_return refusal(Code::not_found, "missing");
    if (found->head.deleted) co_return refusal(Code::not_found, "deleted");

    auto edit = edit_from_json(call, id, true, R"({"_deleted":true})");
    if (!edit) co_return refusal(edit.error());
    const auto written = co_await write_edit(call, std::move(*edit));
    if (!written) co_return refusal(written.error());
    const auto revision = to_string(*written);
    auto response = written_reply(200, id, revision);
    add_etag(response, revision);
    co_return std::move(response);
}

Task<Response> copy_document(Call& call) {
    const auto id = document_id(call);
    if (is_local(id)) co_return co_await copy_local_doc(call);
    const auto source = copy_source(call.request);
    if (!source) co_return refusal(source.error());
    const auto target = copy_target(call.request);
    if (!target) co_return refusal(target.error());
    if (auto good = check_writable_id(call, target->id); !good) co_return refusal(good.error());
    if (auto good = check_readable_id(call, id); !good) co_return refusal(good.error());

    const auto view = call.db().view();
    auto opened = open_document(*view, id, *source);
    if (!opened) co_return refusal(opened.error());
    if (is_local_id(target->id)) {
        ClientDocument document;
        document.id = target->id;
        document.body = opened->body.text();
        document.revision = target->revision;
        const auto local = co_await write_local(call, std::move(document));
        co_return local_write_response(call, local);
    }
    auto copy = co_await call.services.on_storage(
        [&] { return copy_edit(call.database, *view, *opened, *target); });
    const auto written = co_await write_edit(call, std::move(copy.edit));
    if (written) copy.keep();
    co_return put_reply(call, target->id, false, written);
}

Task<Response> post_document_form(Call& call) {
    const auto id = document_id(call);
    if (is_bad_local_id(id)) co_return refusal(Code::bad_request, "Invalid _local document id.");
    if (auto good = check_referer(call.request); !good) co_return refusal(good.error());
    if (is_local_id(id)) {
        co_return refusal(Code::bad_request, "_local documents do not accept attachments.");
    }
    if (auto good = check_writable_id(call, id); !good) co_return refusal(good.error());
    require_form_type(call.request);

    DocumentForm form(call);
    co_await form.receive();
    auto edit = form.edit(id);
    if (!edit) co_return refusal(edit.error());
    const auto written = co_await write_edit(call, std::move(*edit));
    if (!written) co_return refusal(written.error());
    form.keep();
    const auto revision = to_string(*written);
    auto response = written_reply(201, id, revision);
    add_etag(response, revision);
    co_return std::move(response);
}

}  // namespace divan::server
