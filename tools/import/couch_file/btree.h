#pragma once

#include <functional>
#include <string>

#include "tools/import/couch_file/block_file.h"
#include "tools/import/couch_file/header.h"
#include "tools/import/couch_file/term.h"

namespace divan::import {

/// Walks an index of the file (couch_btree) in the order of its keys.
///
/// What cannot be read is told to `damaged` and left out; the walk goes on beside it. A child that
/// does not stand before its parent in the file counts as damage too, so that no file can send the
/// walk in circles.
class TreeWalk {
public:
    /// One entry of a leaf. Throws `Damage` where the entry is not what it must be.
    using Visit = std::function<void(const Term& key, const Term& value)>;
    using Damaged = std::function<void(const std::string& what)>;

    TreeWalk(const BlockFile& file, Visit visit, Damaged damaged)
        : file_(file), visit_(std::move(visit)), damaged_(std::move(damaged)) {}

    void walk(const Root& root);

private:
    void node(std::uint64_t position, std::uint64_t below, int depth);
    void entries(const Term& entries, std::uint64_t position, bool inner, int depth);

    const BlockFile& file_;
    Visit visit_;
    Damaged damaged_;
    std::uint64_t bytes_left_ = 0;  ///< More nodes than the file has room for: made to harm.
};

}  // namespace divan::import
