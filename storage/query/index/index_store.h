#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database/database.h"
#include "storage/query/index/index_tree.h"
#include "storage/query/index/mapper.h"
#include "storage/query/index/row_batch.h"
#include "storage/query/index/tree_editor.h"

namespace divan::storage {

/// What an index is and how far it has come: one value, written with every batch of its rows.
struct IndexHead {
    std::uint64_t number = 0;  ///< Names its nodes and back-references. Random.
    Bytes collator;     ///< `sort_key_version()` of the keys: with another they mean nothing.
    Sequence sequence;  ///< Every change up to here is in it.
    std::uint64_t purge_sequence = 0;
    std::vector<TreeState> trees;

    Bytes encode() const;
    /// Throws `CorruptBytes`.
    static IndexHead decode(BytesView bytes);
};

/// As of `reader`. Empty where there is no such index.
std::optional<IndexHead> read_index_head(const Reader& reader, DatabaseId database,
                                         std::string_view name);
/// The names of a database's indexes (`IndexDefinition::name`).
std::vector<std::string> index_names(const Reader& reader, DatabaseId database);

/// Changes one index. At most one of them at a time writes to an index: `Indexes` sees to that.
/// Throws `Refused` with `not_found` where the database was deleted.
class IndexStore {
public:
    IndexStore(Database& database, const IndexDefinition& definition, TreeShape shape = {});

    const IndexHead& head() const { return head_; }

    /// Replaces the rows of the batch's documents, and notes how far the index is, at once. With
    /// `fresh` none of the documents has rows yet. Survives a crash whole or not at all, though not
    /// always: it may be undone until the next synced commit.
    void apply(const RowBatch& batch, Sequence sequence, std::uint64_t purge_sequence, bool fresh);
    /// Empties it, where what it has can no longer be brought up to date. Purges up to this one are
    /// of no concern to it any more.
    void reset(std::uint64_t purge_sequence);

private:
    void create(std::uint64_t purge_sequence);
    void add_old_rows(const RowBatch& batch, std::vector<std::vector<RowEdit>>& edits,
                      std::vector<bool>& had_rows, std::vector<Bytes>& held) const;
    void put_references(const RowBatch& batch, const std::vector<bool>& had_rows, Batch& out) const;
    Bytes head_key() const;

    Database& database_;
    const IndexDefinition& definition_;
    const TreeShape shape_;
    IndexHead head_;
};

/// Takes an index away: head, nodes, back-references. Whoever reads it by a snapshot still can.
void erase_index(Database& database, std::string_view name);

}  // namespace divan::storage
