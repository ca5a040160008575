#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/document/revision.h"
#include "tools/import/couch_file/block_file.h"
#include "tools/import/couch_file/btree.h"
#include "tools/import/couch_file/header.h"
#include "tools/import/couch_file/term.h"

namespace divan::import {

/// An attachment as its document's body names it. `chunks` are where its bytes stand.
struct FileAttachment {
    std::string name;
    std::string content_type;
    std::uint64_t length = 0;          ///< Of the bytes that clients see.
    std::uint64_t encoded_length = 0;  ///< Of the bytes in the file.
    std::uint64_t revpos = 0;
    std::string digest;  ///< MD5 of the bytes in the file; empty where the file has none.
    bool gzip = false;
    std::vector<std::uint64_t> chunks;
};

/// A leaf of a document's revision tree.
struct FileLeaf {
    std::uint64_t generation = 0;
    std::vector<storage::RevisionHash> path;  ///< The leaf first, then its known ancestors.
    bool deleted = false;
    std::uint64_t body = 0;  ///< For `DatabaseFile::body`.
};

struct FileDocument {
    std::string id;
    std::uint64_t sequence = 0;
    bool deleted = false;
    std::vector<FileLeaf> leaves;
};

struct FileBody {
    std::string json;  ///< The object without `_` members.
    bool normal = false;  ///< As `json_of_term` tells.
    std::vector<FileAttachment> attachments;
};

struct FileLocal {
    std::string id;        ///< With "_local/".
    std::uint64_t revision = 0;  ///< N of "0-N".
    std::string json;
};

struct FilePurge {
    std::uint64_t sequence = 0;
    std::string id;
    std::vector<storage::Revision> revisions;
};

/// One `.couch` file, of disk versions 5 to 8, as of its newest whole header. Only reads; any
/// thread. What is damaged is told and left out; only a file without any header is refused.
class DatabaseFile {
public:
    using Damaged = std::function<void(const std::string& what)>;

    /// Throws `Damage` where there is no header of a database in it.
    explicit DatabaseFile(const std::filesystem::path& path);

    const DatabaseHeader& header() const { return header_; }
    /// Bytes after the newest header: what a crash tore off, or was never committed.
    std::uint64_t torn_bytes() const { return torn_bytes_; }

    const BlockFile& blocks() const { return file_; }

    /// Every document, in the order of ids. Where the index of ids is damaged, those that only the
    /// index of sequences still names follow.
    void documents(const std::function<void(FileDocument)>& visit, const Damaged& damaged) const;
    /// Those that `ChangesCursor` does not give.
    void documents_besides_changes(const std::function<void(FileDocument)>& visit,
                                   const Damaged& damaged) const;
    void locals(const std::function<void(FileLocal)>& visit, const Damaged& damaged) const;
    void purges(const std::function<void(FilePurge)>& visit, const Damaged& damaged) const;
    /// The `_security` object as JSON; empty where none was ever set.
    std::string security() const;
    bool partitioned() const;

    /// Both throw `Damage`.
    FileBody body(std::uint64_t position, BlockFile::Window& window) const;
    /// The attachment's bytes as they stand in the file, piece by piece; length and digest are
    /// checked at the end, so what was handed out before a throw must not be kept.
    void attachment(const FileAttachment& attachment,
                    const std::function<void(std::string_view bytes)>& take) const;

private:
    BlockFile file_;
    std::uint64_t torn_bytes_ = 0;
    DatabaseHeader header_;
};

/// Gives the documents of a file in the order of their last changes. One thread.
class ChangesCursor {
public:
    /// `file` outlives it.
    ChangesCursor(const DatabaseFile& file, DatabaseFile::Damaged damaged);

    std::optional<FileDocument> next();
    /// At the end: whether these were all that the file has. Else damage is in the way, or entries
    /// that CouchDB wrote before 1.2, which have no histories.
    bool whole() const;
    /// How many were given.
    std::uint64_t count() const { return count_; }

private:
    const DatabaseFile& file_;
    bool gaps_ = false;
    std::uint64_t count_ = 0;
    TreeCursor tree_;
};

}  // namespace divan::import
