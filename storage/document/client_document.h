#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/error.h"
#include "storage/base/json.h"
#include "storage/document/attachment.h"
#include "storage/document/revision.h"

namespace divan::storage {

/// One entry of `_attachments` as a client sent it.
struct ClientAttachment {
    enum class Kind : std::uint8_t { stub, inline_data, follows };

    std::string name;
    std::string content_type;
    Kind kind = Kind::stub;
    std::string data;  ///< Of `inline_data`: decoded from base64.
    std::optional<std::uint64_t> revpos;
    std::optional<std::uint64_t> length;  ///< Of `follows`: identity bytes.
    std::optional<std::uint64_t> encoded_length;
    bool gzip = false;   ///< `"encoding":"gzip"`.
    std::string digest;  ///< Of `follows`: "md5-…" as sent; else empty.
};

/// A document as a client sent it: special members taken apart, the body kept as bytes.
struct ClientDocument {
    std::optional<std::string> id;
    /// `_rev`; or the newest of `_revisions`, which wins where both were sent.
    std::optional<Revision> revision;
    bool deleted = false;
    /// `_revisions`: hashes newest first. Empty where it was not sent.
    std::uint64_t revisions_start = 0;
    std::vector<RevisionHash> revisions;
    std::vector<ClientAttachment> attachments;  ///< In the order sent.
    std::string body;                           ///< Normalised JSON object without `_` members.
    std::string term;                           ///< The body as Erlang external term, without 131.
};

/// Parses a document. Special members are checked in the order sent, and the first bad one is what
/// the refusal tells, with the code and sentence of couch_doc:from_json_obj/1.
Result<ClientDocument> parse_client_document(std::string_view json);

/// What came to `_bulk_docs`.
struct BulkDocsRequest {
    std::vector<ClientDocument> docs;
    bool new_edits = true;
    bool all_or_nothing = false;  ///< `"all_or_nothing":true`; any other value counts as absent.
};

/// One pass over the whole body. One unreadable row refuses it all, as in chttpd_db.
Result<BulkDocsRequest> parse_bulk_docs(std::string_view json);

/// The rule on ids of couch_doc:validate_docid/2: not empty, UTF-8, no reserved `_` prefix.
Result<void> validate_document_id(std::string_view id);
/// What a partitioned database asks of an id besides: "partition:rest", unless it is a design or
/// local document's. Both parts are checked.
Result<void> validate_partitioned_id(std::string_view id);
/// What stands before an id's first colon; all of it where it has none.
std::string_view partition_of(std::string_view id);

/// What a revision id is made of besides the body: an attachment's part.
struct AttachmentSeed {
    std::string_view name;
    std::string_view content_type;
    Md5Digest digest;
    bool undescribed = false;  ///< It counts only as being there: of a document made again.
};

/// The revision that CouchDB gives this edit: MD5 of the external term of
/// [Deleted, OldStart, OldRev, Body, Atts] (couch_db:new_revid/1). `parent` is null for a new
/// document; `attachments` are in the document's order.
Revision new_revision(bool deleted, const Revision* parent, std::string_view body_term,
                      std::span<const AttachmentSeed> attachments);

}  // namespace divan::storage
