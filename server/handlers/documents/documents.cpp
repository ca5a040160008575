#include "server/handlers/documents/documents.h"

#include "server/handlers/documents/document_query.h"
#include "server/handlers/documents/document_reply.h"
#include "server/handlers/documents/local_docs.h"
#include "server/handlers/documents/replication_documents.h"
#include "server/handlers/documents/user_documents.h"

// Reading; server/handlers/documents/document_writes.cpp has the rest.

namespace divan::server {

Task<Response> get_document(Call& call) {
    const auto id = document_id(call);
    if (auto redirect = design_redirect(call)) co_return std::move(*redirect);
    if (is_local_id(id) || is_bad_local_id(id)) co_return co_await get_local_doc(call);
    if (auto shown = public_user_reply(call, id)) co_return std::move(*shown);
    if (auto shown = stripped_replication_reply(call, id)) co_return std::move(*shown);
    const auto readable = check_readable_id(call, id);
    if (call.request.query.empty()) {
        if (!readable) co_return refusal(readable.error());
        co_return winner_reply(call, id);
    }
    const auto query = parse_document_query(call.request);
    if (!query) co_return refusal(query.error());
    if (!readable) co_return refusal(readable.error());

    const auto view = call.db().view();
    const bool several = query->all_open_revisions || !query->open_revisions.empty();
    const auto read = [&] {
        return several ? open_revisions_reply(call, view, id, *query)
                       : document_reply(call, view, id, *query);
    };
    if (!several && !query->options.attachments) co_return read();
    auto response = co_await call.services.on_storage(read);
    co_return std::move(response);
}

}  // namespace divan::server
