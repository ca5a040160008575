#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tools/import/couch_file/block_file.h"
#include "tools/import/couch_file/header.h"
#include "tools/import/couch_file/term.h"

namespace divan::import {

/// Gives the entries of an index of the file (couch_btree) in the order of their keys.
///
/// What cannot be read is told to `damaged` and left out; it goes on beside it. A child that does
/// not stand before its parent in the file counts as damage too, so that no file can send it in
/// circles.
class TreeCursor {
public:
    using Damaged = std::function<void(const std::string& what)>;
    struct Entry {
        const Term* key;
        const Term* value;
    };

    /// `file` outlives it.
    TreeCursor(const BlockFile& file, const Root& root, Damaged damaged);

    /// Null at the end. Good until the next call.
    const Entry* next();
    /// To be called where the last entry is not what it must be.
    void tell(const std::string& what);

private:
    struct Node {
        std::uint64_t position;
        std::string bytes;
        ParsedTerm term;
        std::span<const Term> entries;
        bool inner;
        std::size_t at = 0;
    };
    void enter(std::uint64_t position, std::uint64_t below);
    std::unique_ptr<Node> read(std::uint64_t position);

    const BlockFile& file_;
    Damaged damaged_;
    std::vector<std::unique_ptr<Node>> path_;
    std::uint64_t bytes_left_;  ///< More nodes than the file has room for: made to harm.
    Entry entry_{};
};

/// Calls `visit` for every entry of an index; where that throws `Damage` the entry is told, and
/// left out.
void walk_tree(const BlockFile& file, const Root& root,
               const std::function<void(const Term& key, const Term& value)>& visit,
               const TreeCursor::Damaged& damaged);

}  // namespace divan::import
