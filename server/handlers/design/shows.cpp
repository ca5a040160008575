#include "server/handlers/design/shows.h"

#include "server/handlers/design/design_functions.h"
#include "server/handlers/design/function_response.h"
#include "server/handlers/documents/document_edit.h"
#include "server/handlers/documents/document_query.h"
#include "server/handlers/documents/local_docs.h"
#include "server/handlers/documents/write_checks.h"
#include "server/handlers/etag.h"
#include "server/handlers/json_body.h"
#include "server/services.h"

namespace divan::server {
namespace {

using Id = std::optional<std::string>;

Task<std::optional<FunctionBody>> body_text(Call& call) {
    std::optional<FunctionBody> text;
    const auto& body = *call.request.body;
    if (!body.length() && body.absent()) co_return text;
    auto read = co_await read_body(call);  // not in a braced temporary: g++ 12 destroys it twice
    text.emplace(FunctionBody{std::move(read), false});
    co_return text;
}

FunctionDocument document_of(const Call& call, const Id& id) {
    return id ? function_document(call, *id, true) : FunctionDocument();
}

/// chttpd_show:show_etag/4.
std::string etag_of(const Call& call, const OpenDesign& design, const FunctionDocument& document) {
    std::string content = design.revision + "\n" + document.revision + "\n";
    if (const auto* accept = call.request.header("accept")) content += *accept;
    for (const auto& role : call.identity.roles) content += "\n" + role;
    return content_etag(content);
}

Task<Response> show(Call& call, Id id) {
    const auto body = co_await body_text(call);
    Response response;
    co_await call.services.on_scripts([&] {
        const auto design = open_design(call, call.path("ddoc"));
        require_function(design, "shows", call.path("function"));
        const auto document = document_of(call, id);
        const auto etag = etag_of(call, design, document);
        if (has_etag(call.request, etag)) {
            response.status = 304;
            response.set("ETag", etag);
            return;
        }
        const auto given = design.functions->show(call.path("function"), document.json,
                                                  request_object(call, id, body));
        response = function_response(call.services.config, parse_json(given.value()).value());
        response.set("ETag", etag);
        response.set("Vary", "Accept");
    });
    co_return response;
}

/// The document that an update function returned.
storage::ClientDocument updated_document(const Call& call, std::string_view json) {
    auto document = storage::parse_client_document(json).value();
    check_document(call, document).value();
    // No id is made up here: couch_doc:validate_docid/1 sees an empty one.
    storage::validate_document_id(document.id.value_or("")).value();
    return document;
}

/// Writes it and gives its new revision.
Task<std::string> write_updated(Call& call, storage::ClientDocument document) {
    if (is_local_id(*document.id)) {
        const auto written = co_await write_local(call, std::move(document));
        co_return written.revision;
    }
    auto edit =
        make_edit(std::move(document), true, attachment_settings(call.services.config)).value();
    const auto written = co_await write_edit(call, std::move(edit));
    co_return to_string(written.value());
}

Task<Response> update(Call& call, Id id) {
    const auto body = co_await body_text(call);
    JsonValue given;
    std::optional<storage::ClientDocument> document;
    co_await call.services.on_scripts([&] {
        const auto design = open_design(call, call.path("ddoc"));
        require_function(design, "updates", call.path("function"));
        const auto updated = design.functions
                                 ->update(call.path("function"), document_of(call, id).json,
                                          request_object(call, id, body))
                                 .value();
        given = parse_json(updated.response).value();
        if (updated.document.starts_with('{')) document = updated_document(call, updated.document);
    });
    if (!document) co_return function_response(call.services.config, given);
    const std::string id_written = *document->id;
    const std::string revision = co_await write_updated(call, *std::move(document));
    auto response = function_response(call.services.config, given, 201);
    response.set("X-Couch-Update-NewRev", revision);
    response.set("X-Couch-Id", url_encode(id_written));
    co_return response;
}

}  // namespace

Task<Response> run_show(Call& call) {
    co_return co_await show(call, std::nullopt);
}

Task<Response> run_show_document(Call& call) {
    co_return co_await show(call, call.path("id"));
}

Task<Response> refuse_show(Call& call) {
    co_await require_design(call);
    co_return refusal(Error{Code::not_found, "Invalid path.", "show_error"});
}

Task<Response> run_update(Call& call) {
    co_return co_await update(call, std::nullopt);
}

Task<Response> run_update_document(Call& call) {
    co_return co_await update(call, call.path("id"));
}

Task<Response> refuse_update(Call& call) {
    co_await require_design(call);
    co_return refusal(Error{Code::not_found, "Invalid path.", "update_error"});
}

}  // namespace divan::server
