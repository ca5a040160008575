#include "storage/engine/fault_engine.h"

namespace divan::storage {
namespace {

class FaultCursor final : public Cursor {
public:
    FaultCursor(const FaultEngine& engine, std::unique_ptr<Cursor> inner)
        : engine_(engine), inner_(std::move(inner)) {}

    bool valid() const override { return inner_->valid(); }
    void seek(BytesView key) override {
        engine_.before_read();
        inner_->seek(key);
    }
    void seek_back(BytesView key) override {
        engine_.before_read();
        inner_->seek_back(key);
    }
    void next() override {
        engine_.before_read();
        inner_->next();
    }
    void previous() override {
        engine_.before_read();
        inner_->previous();
    }
    BytesView key() const override { return inner_->key(); }
    BytesView value() const override { return inner_->value(); }

private:
    const FaultEngine& engine_;
    const std::unique_ptr<Cursor> inner_;
};

class FaultSnapshot final : public Snapshot {
public:
    FaultSnapshot(const FaultEngine& engine, std::unique_ptr<Snapshot> inner)
        : engine_(engine), inner_(std::move(inner)) {}

    bool get(Family family, BytesView key, Bytes& value) const override {
        engine_.before_read();
        return inner_->get(family, key, value);
    }
    std::vector<std::optional<Bytes>> get_many(Family family,
                                               std::span<const Bytes> keys) const override {
        engine_.before_read();
        return inner_->get_many(family, keys);
    }
    std::unique_ptr<Cursor> cursor(Family family, BytesView lower, BytesView upper) const override {
        engine_.before_read();
        return std::make_unique<FaultCursor>(engine_, inner_->cursor(family, lower, upper));
    }

private:
    const FaultEngine& engine_;
    const std::unique_ptr<Snapshot> inner_;
};

}  // namespace

FaultEngine::FaultEngine(std::unique_ptr<Engine> inner) : inner_(std::move(inner)) {}

FaultEngine::~FaultEngine() = default;

void FaultEngine::Plan::step() {
    if (count == 0) return;
    if (after > 0) {
        --after;
        return;
    }
    --count;
    throw *failure;
}

void FaultEngine::fail_commits(std::uint64_t count, EngineFailure failure, std::uint64_t after) {
    const std::lock_guard lock(plan_mutex_);
    commits_plan_ = Plan{after, count, std::move(failure)};
}

void FaultEngine::fail_reads(std::uint64_t count, EngineFailure failure, std::uint64_t after) {
    const std::lock_guard lock(plan_mutex_);
    reads_ = Plan{after, count, std::move(failure)};
}

void FaultEngine::before_read() const {
    const std::lock_guard lock(plan_mutex_);
    reads_.step();
}

void FaultEngine::lose_unsynced() {
    const std::lock_guard lock(commit_mutex_);
    for (; !undos_.empty(); undos_.pop_back()) inner_->commit(undos_.back(), Durability::synced);
}

std::uint64_t FaultEngine::commits() const {
    const std::lock_guard lock(commit_mutex_);
    return commits_;
}

std::uint64_t FaultEngine::synced_commits() const {
    const std::lock_guard lock(commit_mutex_);
    return synced_commits_;
}

bool FaultEngine::get(Family family, BytesView key, Bytes& value) const {
    before_read();
    return inner_->get(family, key, value);
}

std::vector<std::optional<Bytes>> FaultEngine::get_many(Family family,
                                                        std::span<const Bytes> keys) const {
    before_read();
    return inner_->get_many(family, keys);
}

std::unique_ptr<Cursor> FaultEngine::cursor(Family family, BytesView lower, BytesView upper) const {
    before_read();
    return std::make_unique<FaultCursor>(*this, inner_->cursor(family, lower, upper));
}

std::unique_ptr<Snapshot> FaultEngine::snapshot() const {
    return std::make_unique<FaultSnapshot>(*this, inner_->snapshot());
}

// Every key that the batch touches, as it was before.
Batch FaultEngine::undo_of(const Batch& batch) const {
    Batch undo;
    Bytes value;
    for (const auto& entry : batch.entries()) {
        if (entry.kind != Batch::Kind::erase_range) {
            if (inner_->get(entry.family, entry.key, value)) {
                undo.put(entry.family, entry.key, value);
            } else {
                undo.erase(entry.family, entry.key);
            }
        } else if (entry.key < entry.value) {
            const auto cursor = inner_->cursor(entry.family, entry.key, entry.value);
            for (cursor->seek(entry.key); cursor->valid(); cursor->next()) {
                undo.put(entry.family, Bytes(cursor->key()), Bytes(cursor->value()));
            }
        }
    }
    return undo;
}

void FaultEngine::commit(const Batch& batch, Durability durability) {
    {
        const std::lock_guard lock(plan_mutex_);
        commits_plan_.step();
    }
    const std::lock_guard lock(commit_mutex_);
    if (durability == Durability::synced) {
        inner_->commit(batch, durability);
        undos_.clear();
        ++synced_commits_;
    } else {
        auto undo = undo_of(batch);
        inner_->commit(batch, durability);
        undos_.push_back(std::move(undo));
    }
    ++commits_;
}

void FaultEngine::compact(Family family, BytesView from, BytesView to) {
    inner_->compact(family, from, to);
}

std::uint64_t FaultEngine::approximate_bytes(Family family, BytesView from, BytesView to) const {
    return inner_->approximate_bytes(family, from, to);
}

}  // namespace divan::storage
