#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "storage/base/ids.h"
#include "storage/database/change_bell.h"
#include "storage/database/design_memo.h"
#include "storage/database/partition_sizes.h"
#include "storage/database/writer.h"
#include "storage/engine/engine.h"

namespace divan::storage {

class ReadView;
class RangeCounts;

/// The numbers of a database; kept with every commit.
struct DatabaseState {
    std::uint64_t commits = 0;  ///< Grows with every commit: tells whether two views are the same.
    Sequence update_sequence;
    std::uint64_t purge_sequence = 0;
    std::uint64_t document_count = 0;
    std::uint64_t deleted_count = 0;
    std::uint64_t leaf_bytes = 0;        ///< JSON text of leaf revisions.
    std::uint64_t attachment_bytes = 0;  ///< Stored attachments, of old revisions too.
    std::uint64_t garbage_bytes = 0;     ///< JSON text of inner revisions: what compaction frees.
    /// Up to it the feed has nothing but what an import put there (`Edit::at_least`).
    Sequence imported;

    /// What follows when the feed got nothing, or nothing but that: `before` is the one before.
    void extend_import(const DatabaseState& before) {
        if (before.imported == before.update_sequence) imported = update_sequence;
    }

    std::uint64_t active_bytes() const { return leaf_bytes + attachment_bytes; }
    std::uint64_t external_bytes() const { return leaf_bytes + attachment_bytes; }

    Bytes encode() const;
    static DatabaseState decode(BytesView bytes);
};

/// What admins set.
struct DatabaseSettings {
    std::string security;  ///< JSON as it was put; empty where never put.
    std::uint64_t revs_limit = 1000;
    std::uint64_t purged_infos_limit = 1000;

    Bytes encode() const;
    static DatabaseSettings decode(BytesView bytes);
};

/// What was decided when the database was made.
struct DatabaseEntry {
    DatabaseId id;
    std::string uuid;  ///< 32 hexadecimal digits; of this incarnation.
    bool partitioned = false;
    std::uint32_t shards = 1;          ///< The `q` it was asked for: only shown.
    std::int64_t created_seconds = 0;  ///< Unix time; `instance_start_time`.

    Bytes encode() const;
    static DatabaseEntry decode(BytesView bytes);
};

/// One open database. Made by `Catalog`, shared by all who use it; any thread. Views keep it alive.
class Database : public std::enable_shared_from_this<Database> {
public:
    Database(Engine& engine, std::string name, DatabaseEntry entry);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    const std::string& name() const { return name_; }
    const DatabaseEntry& entry() const { return entry_; }
    DatabaseId id() const { return entry_.id; }
    Engine& engine() const { return engine_; }

    DatabaseState state() const;
    std::shared_ptr<const DatabaseSettings> settings() const;
    /// Durable when it returns.
    void set_security(std::string json);
    void set_revs_limit(std::uint64_t limit);
    void set_purged_infos_limit(std::uint64_t limit);

    /// "N-token"; the token names this incarnation.
    std::string sequence_text(Sequence sequence) const;
    /// Reads what `sequence_text` wrote, or a JSON string of it ("\"12-x\""). What the server gave
    /// from which this database was imported stands for what it covers (`FormerSequences`). Of
    /// another incarnation or server, a plain number too, or beyond what this one has reached (it
    /// was restored to an earlier state), it is 0. Refuses what neither this server nor CouchDB can
    /// have given with `bad_request` "Malformed sequence supplied in 'since' parameter.".
    Result<Sequence> parse_sequence(std::string_view text) const;

    /// A consistent view of this moment.
    std::shared_ptr<const ReadView> view() const;

    /// Commits what is beside the documents (`_local`, indexes). Throws `Refused` with `not_found`
    /// where the database was deleted.
    void commit_aside(const Batch& batch, Durability durability = Durability::synced);

    Writer& writer() { return writer_; }
    ChangeBell& bell() { return bell_; }
    DesignMemo& designs() { return designs_; }

    /// Drops what compaction drops, in small steps through the writer. One at a time: returns
    /// false where one is running. Blocks; for a pool.
    bool compact();
    bool compacting() const { return compacting_.load(); }
    /// Whether the share of garbage asks for a compaction.
    bool wants_compaction() const;
    std::uint64_t compaction_progress() const { return compaction_done_.load(); }

    /// Bytes on disk, about. Asks the engine; not for hot paths.
    std::uint64_t file_bytes() const;

    /// Set once the database was deleted; what was queued is then refused with `not_found`.
    bool doomed() const { return doomed_.load(); }

private:
    friend class Catalog;
    friend class Writer;
    friend class CommitGroup;
    friend class CountedView;

    void compact_documents();
    void change_settings(const std::function<void(DatabaseSettings&)>& change);
    /// Loaded on first use; `publish_mutex_` held.
    RangeCounts& documents_counted() const;
    RangeCounts& changes_counted() const;

    Engine& engine_;
    const std::string name_;
    const DatabaseEntry entry_;
    const std::string token_;

    std::mutex commit_mutex_;              ///< One commit at a time; also deletion.
    PartitionSizes partition_sizes_;       ///< Under `commit_mutex_`.
    std::shared_mutex aside_mutex_;        ///< Held alone by deletion, together by `commit_aside`.
    mutable std::mutex publish_mutex_;     ///< Guards `state_` and the counts.
    DatabaseState state_;
    mutable std::unique_ptr<RangeCounts> documents_counted_;
    mutable std::unique_ptr<RangeCounts> changes_counted_;
    mutable std::mutex settings_mutex_;
    std::shared_ptr<const DatabaseSettings> settings_;
    std::atomic<bool> doomed_{false};
    std::atomic<bool> compacting_{false};
    std::atomic<std::uint64_t> compaction_done_{0};
    ChangeBell bell_;
    DesignMemo designs_;
    std::function<void()> on_update_;  ///< Set by the catalog before the database is shared.
    Writer writer_;
};

}  // namespace divan::storage
