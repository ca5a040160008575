#pragma once

#include <string>
#include <string_view>

#include "server/routes.h"
#include "storage/database/local_docs.h"
#include "storage/document/client_document.h"

namespace divan::server {

// These find the id in the path, whether it came as "_local/x" or as the one segment "_local%2Fx".
Task<Response> get_local_doc(Call& call);
Task<Response> put_local_doc(Call& call);
/// A form: refused, as there is nothing that it could bring.
Task<Response> post_local_doc(Call& call);
Task<Response> delete_local_doc(Call& call);
Task<Response> copy_local_doc(Call& call);

/// The document as it is read, with `_id` and `_rev`. `name` is without "_local/".
std::string local_document_json(std::string_view name, const storage::LocalDoc& doc, bool revs);

/// A local document as it was written.
struct LocalWritten {
    std::string id;  ///< With "_local/".
    std::string revision;
    bool deleted = false;
};
/// Writes a local document for whoever came to have one: its `id` begins with "_local/". Revision
/// and `_deleted` count, attachments are dropped. Throws `Refused`.
Task<LocalWritten> write_local(Call& call, storage::ClientDocument document);
/// The answer to PUT and COPY: 201, or 200 where it was deleted, with ETag and Location.
Response local_write_response(const Call& call, const LocalWritten& written);

}  // namespace divan::server
