#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/digest.h"
#include "storage/database/former_sequences.h"
#include "storage/document/revision.h"

/// What an import carries from a source to a target, whatever either is.
namespace divan::import {

using TakeBytes = std::function<void(std::string_view bytes)>;

struct Attachment {
    std::string name;
    std::string content_type;
    std::uint64_t revpos = 0;
    std::uint64_t length = 0;         ///< Of the bytes that clients see.
    std::uint64_t stored_length = 0;  ///< Of the bytes that `read` gives.
    bool gzip = false;                ///< `read` gives them gzipped, as they were stored.
    bool as_clients_see = false;      ///< Not as they were stored: the target may pack them.
    std::optional<Md5Digest> digest;  ///< Of the bytes that `read` gives.
    /// Gives the bytes piece by piece. Throws where they are damaged, maybe after some pieces.
    std::function<void(const TakeBytes&)> read;
};

struct Leaf {
    std::uint64_t generation = 0;
    std::vector<storage::RevisionHash> path;  ///< Newest first: the leaf, its known ancestors.
    bool deleted = false;
    std::string json;  ///< The object without `_` members.
    std::vector<Attachment> attachments;
    bool normal = false;  ///< `json` is as `storage::parse_client_document` would give it back.

    storage::Revision revision() const { return {generation, path.front()}; }
};

struct Document {
    std::string id;
    std::vector<Leaf> leaves;
    std::string marker;  ///< Of a source: where to go on after this one.
    /// Its last change, as one of the `FormerFiles` counted it; 0: nobody knows.
    std::size_t shard = 0;
    std::uint64_t sequence = 0;
};

/// What counted a source's changes. Empty: its sequences mean nothing elsewhere.
struct FormerFiles {
    std::vector<storage::FormerShard> shards;
    bool plain = false;  ///< One, whose sequences are plain numbers.
};

struct LocalDocument {
    std::string id;  ///< With "_local/".
    std::uint64_t edits = 0;  ///< N of its revision "0-N".
    std::string json;
};

/// What shards and indexes of CouchDB note for themselves, which means nothing elsewhere.
inline bool is_own_note(std::string_view local_id) {
    return local_id.starts_with("_local/shard-sync-") || local_id.starts_with("_local/purge-");
}

struct Purge {
    std::string id;
    std::vector<storage::Revision> revisions;

    auto operator<=>(const Purge&) const = default;
};

struct DatabaseInfo {
    std::string name;
    bool partitioned = false;
    std::string security;  ///< JSON; empty where none was ever set.
    std::uint64_t revs_limit = 1000;
    std::uint64_t purged_infos_limit = 1000;
};

/// A piece of the source that could not be read, or a document that the target refused.
struct Failure {
    std::string what;    ///< A document's id, or a place in a file.
    std::string reason;
};
using TellFailure = std::function<void(Failure)>;

}  // namespace divan::import
