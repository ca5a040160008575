#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "storage/database/database.h"
#include "storage/database/range_counts.h"
#include "storage/database/record.h"
#include "storage/database/writer.h"

namespace divan::storage {

/// What one batch of the writer does: reads the records of the documents concerned, applies every
/// job to them in order, and commits the outcome at once. Used once, under the commit lock.
class CommitGroup {
public:
    explicit CommitGroup(Database& database);

    /// Reads the records of these documents, together. Before anything is applied to them.
    void load(const std::vector<std::string_view>& ids);

    EditOutcomes apply(std::vector<Edit>& edits);
    Result<Purged> apply(const std::vector<PurgeRow>& rows);
    void compact(const std::string& id);

    /// Durable when it returns; throws `EngineFailure`, and nothing was changed.
    void commit();

private:
    /// One document while the group works on it.
    struct Slot {
        std::string id;
        DocumentRecord record;
        Sequence stored_sequence;  ///< Where its row in `changes` is; 0 for none.
        bool stored = false;
        bool was_live = false;
        std::uint64_t leaf_bytes = 0;
        std::uint64_t garbage_bytes = 0;
        bool dirty = false;
    };

    Slot& slot(std::string_view id);
    EditOutcome apply_one(Edit& edit, Slot& slot, Sequence sequence, bool& changed);
    EditOutcome apply_interactive(Edit& edit, Slot& slot, Sequence sequence, bool& changed);
    EditOutcome apply_replicated(Edit& edit, Slot& slot, Sequence sequence, bool& changed);
    /// The interactive edit's parent in the tree; empty for a first revision; or `conflict`.
    Result<std::optional<Revision>> find_parent(const Edit& edit, const Slot& slot) const;
    /// Replaces stubs by what the parent's body names. Refuses with `missing_stub`.
    Result<void> resolve_stubs(Edit& edit, const Revision* source) const;
    Result<void> check_stubs(std::vector<Edit>& edits);
    std::optional<Revision> stub_source(const Edit& edit, const Slot& slot) const;
    void put_body(const Edit& edit, const Revision& revision);
    void put_attachment(std::string_view document, const EditAttachment& attachment);
    std::optional<StoredBody> load_body(std::string_view id, const Revision& revision) const;
    void finish(Slot& slot);
    void drop_bodies(std::string_view id, const RevisionTree& tree,
                     const std::vector<Revision>& revisions);
    void change_partition(std::string_view id, std::uint64_t before, std::uint64_t after);
    /// Whether the edit makes a partition larger that is full. `parent` may be null.
    bool overflows(const Edit& edit, const RevisionTree& tree, const Revision* parent);
    void measure(const RevisionTree& tree, std::uint64_t& leaf_bytes,
                 std::uint64_t& garbage_bytes) const;
    void write_slots();
    void split_ranges();
    void split_range(std::size_t index);

    Database& database_;
    const DatabaseState before_;
    DatabaseState state_;
    bool only_imported_ = true;  ///< What the feed gets.
    Batch batch_;
    /// By id: what is written in order costs the engine least.
    std::vector<Slot> slots_;
    std::unordered_set<std::uint64_t> named_attachments_;  ///< By bodies that this group puts.
    PartitionSizes::Changes partition_changes_;
    RangeCounts::Deltas documents_;
    RangeCounts::Deltas changes_;
    std::uint64_t revs_limit_;
    std::uint64_t purged_infos_limit_;
};

}  // namespace divan::storage
