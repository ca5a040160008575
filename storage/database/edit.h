#pragma once

#include <string>
#include <vector>

#include "storage/base/ids.h"
#include "storage/document/client_document.h"
#include "storage/document/revision.h"

namespace divan::storage {

/// `[attachments]` of the configuration.
struct AttachmentSettings {
    int compression_level = 8;  ///< 0 stores everything as it comes.
    std::string compressible_types =
        "text/*, application/javascript, application/json, application/xml";
};

/// An attachment of an edit.
struct EditAttachment {
    bool stub = false;         ///< Take it over from the parent revision, by name.
    StoredAttachment stored;   ///< Of a stub only `name`, and `revpos` where `revpos_given`.
    bool revpos_given = false;
    Bytes bytes;               ///< What is to be stored, written with the edit. Empty where
                               ///< `AttachmentWriter` has stored it before.
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
    std::optional<Revision> revision;  ///< Of an interactive edit: what it becomes on `parent`,
                                       ///< where that was known before the writer's turn.
    /// Of an import that takes sequences over: the document's change gets this number or a later
    /// one. 0: the next one.
    Sequence at_least{};
    /// Of an interactive edit: a partition of so many bytes takes only what makes it smaller, and
    /// `partition_overflow` is the answer else. 0: no limit.
    std::uint64_t partition_bytes_max = 0;
};

/// The revision that an interactive edit becomes as a child of `parent` (null: as a first one).
/// Its stubs must have been resolved.
Revision seal_edit(const Edit& edit, const Revision* parent);

/// Turns what a client sent into an edit: takes over id, revision and ancestry, compresses and
/// digests inline attachments. `received` are the attachments of the `follows` entries, in their
/// order, as `AttachmentWriter` gave them. `document.id` must be there.
/// Refuses with couch_doc's and chttpd's sentences.
Result<Edit> make_edit(ClientDocument document, bool new_edits,
                       const AttachmentSettings& settings = {},
                       std::vector<EditAttachment> received = {});

}  // namespace divan::storage
