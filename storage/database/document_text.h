#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "storage/database/read_view.h"

namespace divan::storage {

/// What a reader wants to see of a document besides its body.
struct DocumentOptions {
    bool revs = false;
    std::size_t revs_max = std::numeric_limits<std::size_t>::max();  ///< Of `revs`.
    bool revs_info = false;
    bool conflicts = false;
    bool deleted_conflicts = false;
    bool local_seq = false;
    bool attachments = false;  ///< Data instead of stubs (base64, or `follows`).
    bool follows = false;      ///< Data goes into parts of a multipart answer.
    bool att_encoding_info = false;
    /// With `attachments`: only those newer than the newest known of these ancestors.
    std::optional<std::vector<Revision>> atts_since;

    /// Whether the revision tree is needed to write the document.
    bool needs_tree() const {
        return revs || revs_info || conflicts || deleted_conflicts || local_seq ||
               atts_since.has_value();
    }
};

/// Appends one revision of a document as CouchDB's couch_doc:to_json_obj/2 orders it: `_id`,
/// `_rev`, the body, `_deleted`, `_revisions`, `_revs_info`, `_conflicts`, `_deleted_conflicts`,
/// `_local_seq`, `_attachments`. `record` may be null where `options.needs_tree()` is false.
/// `member_appended` (where not null) is set where `_revs_info`, `_local_seq` or existing conflicts
/// were shown: such answers carry no ETag.
void append_document(std::string& out, const ReadView& view, std::string_view id,
                     const Revision& revision, const StoredBody& body,
                     const DocumentRecord* record, const DocumentOptions& options,
                     bool* meta_shown = nullptr);

/// The attachments whose data an answer with these options carries, in the document's order.
std::vector<const StoredAttachment*> attachments_to_send(const StoredBody& body,
                                                         const Revision& revision,
                                                         const DocumentRecord* record,
                                                         const DocumentOptions& options);

/// `open_revs` and `_bulk_get`: which revisions of a tree a request means. Those asked for (or
/// every leaf where `wanted` is empty), each once; with `latest`, the leaves that grew from each.
/// Those that the tree does not have come last and have no index. couch_db:open_doc_revs/4.
struct ChosenRevision {
    Revision revision;
    std::optional<RevisionTree::Index> index;
};
std::vector<ChosenRevision> choose_revisions(const RevisionTree& tree,
                                             const std::optional<std::vector<Revision>>& wanted,
                                             bool latest);
/// The order of `_bulk_get`: couch_key_tree:get_all_leafs/1 of a tree that is made of the chosen
/// alone. The latest root comes first, and above a root the lesser branch.
void sort_as_trees(const RevisionTree& tree, std::vector<ChosenRevision>& chosen);

/// The same with their bodies, in order: found ones first, as fabric_doc_open_revs sorts them.
struct OpenRevision {
    Revision revision;
    std::optional<StoredBody> body;  ///< Empty: `{"missing": revision}`.
};
/// Revisions known by name only are missing too.
std::vector<OpenRevision> open_revisions(const ReadView& view, std::string_view id,
                                         const DocumentRecord& record,
                                         const std::optional<std::vector<Revision>>& wanted,
                                         bool latest);

}  // namespace divan::storage
