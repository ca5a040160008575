#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/routes.h"
#include "storage/database/document_text.h"
#include "storage/document/revision.h"

namespace divan::server {

/// The parameters of a document's address, as chttpd_db:parse_doc_query/1 reads them: of one sent
/// twice both are checked and the last one counts; unknown ones mean nothing.
struct DocumentQuery {
    std::optional<storage::Revision> revision;
    /// `open_revs`: empty where it was not sent, or as an empty list; both mean the plain document.
    std::vector<storage::Revision> open_revisions;
    bool all_open_revisions = false;
    bool latest = false;
    bool deleted_too = false;
    bool new_edits = true;
    storage::DocumentOptions options;
};
Result<DocumentQuery> parse_document_query(const Request& request);

/// The first value of a parameter; null where it was not sent. What writes read of a query is the
/// first value, unlike `Request::parameter`.
const std::string* first_parameter(const Request& request, std::string_view name);

/// `rev` of the query, as writes read it.
Result<std::optional<storage::Revision>> query_revision(const Request& request);
/// The revision that a request names besides `named`: that of If-Match, which must agree with it
/// (chttpd_db:extract_header_rev/2). Empty where there is neither.
Result<std::optional<storage::Revision>> agreed_revision(
    const Request& request, const std::optional<storage::Revision>& named);

/// The document that an address names, "_design/" and "_local/" included.
std::string document_id(const Call& call);
/// An id that is read: in a partitioned database it must name a partition, and in the users
/// database it must be of a document that the caller sees.
Result<void> check_readable_id(const Call& call, std::string_view id);
/// Where documents are looked for by their partition, an id without one is none
/// (couch_partition:from_docid/1). Design and local documents have none.
Result<void> check_names_partition(const Call& call, std::string_view id);
/// An id that is written (couch_db:validate_docid/2).
Result<void> check_writable_id(const Call& call, std::string_view id);

inline constexpr std::string_view local_prefix = "_local/";
/// The id of a local document, sent as one segment ("_local%2Fx"): its handlers have their own rows
/// in the route table for the usual form.
inline bool is_local_id(std::string_view id) {
    return id.substr(0, local_prefix.size()) == local_prefix;
}
/// "_local" alone, or with nothing after its slash.
inline bool is_bad_local_id(std::string_view id) {
    return id == "_local" || id == local_prefix;
}

/// GET of "_design%2Fx" is sent on to "_design/x". Empty for every other address.
std::optional<Response> design_redirect(const Call& call);

}  // namespace divan::server
