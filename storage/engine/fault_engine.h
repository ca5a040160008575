#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "storage/engine/engine.h"

namespace divan::storage {

/// An engine that breaks when it is told to: for tests of what stands on one. Otherwise it does
/// what the engine inside does. Any thread; must outlive its snapshots and cursors.
class FaultEngine final : public Engine {
public:
    explicit FaultEngine(std::unique_ptr<Engine> inner);
    ~FaultEngine() override;

    /// After `after` more commits that succeed, the next `count` throw `failure`.
    void fail_commits(std::uint64_t count, EngineFailure failure, std::uint64_t after = 0);
    /// The same of reads: every `get`, `get_many`, new cursor and move of a cursor is one, whether
    /// of this engine or of its snapshots.
    void fail_reads(std::uint64_t count, EngineFailure failure, std::uint64_t after = 0);
    /// What a power loss does: undoes every buffered commit after the last synced one. Snapshots
    /// taken before keep what they saw.
    void lose_unsynced();

    std::uint64_t commits() const;  ///< That succeeded.
    std::uint64_t synced_commits() const;

    bool get(Family family, BytesView key, Bytes& value) const override;
    std::vector<std::optional<Bytes>> get_many(Family family,
                                               std::span<const Bytes> keys) const override;
    std::unique_ptr<Cursor> cursor(Family family, BytesView lower, BytesView upper) const override;
    std::unique_ptr<Snapshot> snapshot() const override;
    void commit(const Batch& batch, Durability durability) override;
    void compact(Family family, BytesView from, BytesView to) override;
    std::uint64_t approximate_bytes(Family family, BytesView from, BytesView to) const override;

    /// Throws where a planned failure is due. For the wrapped snapshots and cursors.
    void before_read() const;

private:
    struct Plan {
        std::uint64_t after = 0;
        std::uint64_t count = 0;
        std::optional<EngineFailure> failure;

        void step();
    };

    Batch undo_of(const Batch& batch) const;

    const std::unique_ptr<Engine> inner_;
    mutable std::mutex plan_mutex_;  ///< Guards the plans.
    mutable Plan reads_;
    Plan commits_plan_;
    mutable std::mutex commit_mutex_;  ///< One commit at a time, so that each can be undone.
    std::vector<Batch> undos_;         ///< Of buffered commits, oldest first.
    std::uint64_t commits_ = 0;
    std::uint64_t synced_commits_ = 0;
};

}  // namespace divan::storage
