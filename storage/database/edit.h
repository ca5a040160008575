#pragma once

#include <string>
#include <vector>

#include "storage/document/client_document.h"
#include "storage/document/revision.h"

namespace divan::storage {

class Database;

/// An attachment of an edit.
struct EditAttachment {
    bool stub = false;         ///< Take it over from the parent revision, by name.
    StoredAttachment stored;   ///< Of a stub only `name`, and `revpos` where `revpos_given`.
    bool revpos_given = false;
    Bytes chunk;               ///< Small ones: the stored bytes, to be written with the edit.
                               ///< Empty where they were written by `AttachmentWriter` before.
};

/// A change to one document, ready for the writer: parsed, normalised, attachments digested.
struct Edit {
    std::string id;
    bool replicated = false;         ///< `new_edits=false`: `path` says which revision it is.
    std::optional<Revision> parent;  ///< Of an interactive edit: the revision that is changed.
    std::uint64_t generation = 0;    ///< Of a replicated one: that of path[0].
    std::vector<RevisionHash> path;  ///< Newest first.
    bool deleted = false;
    std::string body;
    std::string term;
    std::vector<EditAttachment> attachments;  ///< In the document's order.
};

/// Turns what a client sent into an edit: takes over id, revision and ancestry, compresses and
/// digests inline attachments. `follows` entries must have been replaced by `received`, which holds
/// the already stored attachments in the order of those entries.
/// Refuses with couch_doc's and chttpd's sentences.
Result<Edit> make_edit(Database& database, ClientDocument document, bool new_edits,
                       std::vector<StoredAttachment> received = {});

}  // namespace divan::storage
