#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/routes.h"
#include "storage/database/edit.h"
#include "storage/database/record.h"
#include "storage/document/client_document.h"

namespace divan::server {

/// Attachments' names are UTF-8 and do not start with an underscore.
Result<void> check_attachment_name(std::string_view name);

/// What is wrong with a document whatever it is written over: its size, its id where it has one,
/// its attachments' names.
Result<void> check_document(const Call& call, const storage::ClientDocument& document);

/// `batch=ok` promises nothing of what becomes of an edit. It is made durable all the same; that
/// the answer tells nothing of it is what clients rely on.
bool is_batch(const Request& request);
Response batch_reply(std::string_view id);

/// Makes `document` one of id `id`, at the revision on which body, query and If-Match agree
/// (chttpd_db:couch_doc_from_req/4). `new_edits=false` needs one.
Result<void> settle_document(const Request& request, std::string id, bool new_edits,
                             storage::ClientDocument& document);

/// An edit that changes nothing of a stored revision: its body, its attachments as stubs.
storage::Edit edit_of(std::string id, std::optional<storage::Revision> parent,
                      const storage::StoredBody& body);
/// Gives an edit another body, as if a client had sent this one; its attachments stay. Refuses as
/// `parse_client_document` does.
Result<void> replace_body(storage::Edit& edit, std::string_view body);
/// The generation that an attachment new in this edit is marked with.
std::uint64_t new_revpos(const storage::Edit& edit);
/// Puts `added` before the other attachments, in place of those of the same names.
void put_attachments_first(storage::Edit& edit, std::vector<storage::EditAttachment> added);

/// Writes one edit and waits for the disk. Refuses as `Admission` and the writer do.
Task<Result<storage::Revision>> write_edit(Call& call, storage::Edit edit);

/// `{"ok":true,"id":…,"rev":…}`.
Response written_reply(int status, std::string_view id, std::string_view revision);
void add_etag(Response& response, std::string_view revision);
/// Location of a document, or of `attachment` in it.
void add_location(Response& response, const Call& call, std::string_view id);
void add_attachment_location(Response& response, const Call& call, std::string_view id,
                             std::string_view attachment);

}  // namespace divan::server
