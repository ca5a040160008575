#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/ids.h"
#include "storage/document/attachment.h"
#include "storage/document/revision_tree.h"

namespace divan::storage {

/// What most reads need of a document, first in its record so that the tree stays unread.
struct RecordHead {
    Sequence sequence;
    Revision winner;
    bool deleted = false;
    bool several_leaves = false;  ///< Conflicts, or deleted ones, may exist.
};

/// One document's record: family `docs`.
struct DocumentRecord {
    Sequence sequence;
    RevisionTree tree;

    Bytes encode() const;
    /// Both throw `CorruptBytes`.
    static DocumentRecord decode(BytesView bytes);
    static RecordHead decode_head(BytesView bytes);
};

/// One revision's body: family `bodies`. Owns its bytes.
class StoredBody {
public:
    /// Throws `CorruptBytes`.
    static StoredBody decode(Bytes bytes);
    static Bytes encode(bool deleted, const std::vector<StoredAttachment>& attachments,
                        BytesView text);

    bool deleted() const { return deleted_; }
    const std::vector<StoredAttachment>& attachments() const { return attachments_; }
    /// Null where there is no such attachment.
    const StoredAttachment* attachment(std::string_view name) const;
    /// The JSON object as it is sent, without `_` members.
    BytesView text() const { return BytesView(bytes_).substr(text_at_); }

private:
    Bytes bytes_;
    std::size_t text_at_ = 0;
    bool deleted_ = false;
    std::vector<StoredAttachment> attachments_;
};

/// One row of the changes feed: family `changes`.
struct Change {
    struct Leaf {
        Revision revision;
        bool deleted = false;
    };
    Sequence sequence;
    std::string id;
    std::vector<Leaf> leaves;  ///< The winner first, then as in `RevisionTree::leaves()`.

    bool deleted() const { return leaves.front().deleted; }
    static Bytes encode(std::string_view id, const RevisionTree& tree);
    /// Reads into `this`, reusing its memory. Throws `CorruptBytes`.
    void decode(Sequence at, BytesView bytes);
};

/// The key form of a revision in family `bodies`.
Bytes revision_key(const Revision& revision);
/// Reads it back. Throws `CorruptBytes`.
Revision revision_of_key(BytesView key);

}  // namespace divan::storage
