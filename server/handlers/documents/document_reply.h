#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/handlers/documents/document_query.h"
#include "server/routes.h"
#include "storage/database/read_view.h"

namespace divan::server {

/// Whether If-None-Match has `etag` (quotes included): chttpd:etag_match/2, which knows no `*`.
bool etag_matches(const Request& request, std::string_view etag);
Response not_modified(std::string etag);

/// The winner of a document without anything besides: the server's quickest answer.
Response winner_reply(const Call& call, std::string_view id);

/// One revision of a document and what is needed to show it.
struct OpenedDocument {
    storage::Revision revision;
    storage::StoredBody body;
    std::optional<storage::DocumentRecord> record;  ///< Where the options need the tree.
};
/// chttpd_db:couch_doc_open/4: the winner, which must not be deleted, or the named revision,
/// deleted or not. Refuses with `not_found`.
Result<OpenedDocument> open_document(const storage::ReadView& view, std::string_view id,
                                     const std::optional<storage::Revision>& revision,
                                     const storage::DocumentOptions& options = {},
                                     bool deleted_too = false);

/// Either of the two reads all that it shows; large attachments are streamed only into multipart
/// answers. For the pool where attachments are wanted.
Response document_reply(const Call& call, const std::shared_ptr<const storage::ReadView>& view,
                        std::string_view id, const DocumentQuery& query);
/// `open_revs`.
Response open_revisions_reply(const Call& call,
                              const std::shared_ptr<const storage::ReadView>& view,
                              std::string_view id, const DocumentQuery& query);

}  // namespace divan::server
