#include "storage/engine/rocks_engine.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>

#include <fmt/format.h>

#include "storage/base/log.h"
#include "storage/engine/data_folder.h"
#include "storage/engine/rocks_ingest.h"
#include "storage/engine/rocks_tuning.h"

namespace divan::storage {
namespace {

// Range erasures in a memtable are looked through by every read of its family, and put in order
// anew after every further one; in a file they are in order for good. So a family's memtable is
// written out after so many.
constexpr std::uint32_t memtable_range_erasures_max = 256;

// How many keys RocksDB is asked for at once: bounds what is pinned meanwhile.
constexpr std::size_t get_many_keys_max = 256;

constexpr std::chrono::seconds resume_interval{1};

// See `require_space`.
constexpr std::uintmax_t plenty_bytes = std::uintmax_t{1} << 30U;
constexpr std::chrono::milliseconds plenty_time{50};

rocksdb::Slice slice(BytesView bytes) {
    return {bytes.data(), bytes.size()};
}

BytesView view(const rocksdb::Slice& bytes) {
    return {bytes.data(), bytes.size()};
}

[[noreturn]] void fail(const rocksdb::Status& status) {
    if (status.IsNoSpace()) {
        throw EngineFailure(Code::storage_full,
                            fmt::format("no space is left for data ({})", status.ToString()));
    }
    throw EngineFailure(Code::storage_failed,
                        fmt::format("the store failed ({})", status.ToString()));
}

void check(const rocksdb::Status& status) {
    if (!status.ok()) fail(status);
}

std::size_t index_of(Family family) {
    return static_cast<std::size_t>(family);
}

class RocksCursor final : public Cursor {
public:
    RocksCursor(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                const rocksdb::Snapshot* snapshot, BytesView lower, BytesView upper)
        : lower_(lower),
          upper_(upper),
          lower_slice_(slice(lower_)),
          upper_slice_(slice(upper_)) {
        rocksdb::ReadOptions options;
        options.snapshot = snapshot;
        if (!lower_.empty()) options.iterate_lower_bound = &lower_slice_;
        if (!upper_.empty()) options.iterate_upper_bound = &upper_slice_;
        options.adaptive_readahead = true;
        // An iterator pins what it reads from, so it does not need the snapshot later on.
        iterator_.reset(db.NewIterator(options, family));
        check(iterator_->status());
    }

    bool valid() const override { return iterator_->Valid(); }
    void seek(BytesView key) override {
        iterator_->Seek(slice(key));
        check_end();
    }
    void seek_back(BytesView key) override {
        iterator_->SeekForPrev(slice(key));
        check_end();
    }
    void next() override {
        iterator_->Next();
        check_end();
    }
    void previous() override {
        iterator_->Prev();
        check_end();
    }
    BytesView key() const override { return view(iterator_->key()); }
    BytesView value() const override { return view(iterator_->value()); }

private:
    // Nowhere is either the end or a failure.
    void check_end() const {
        if (!iterator_->Valid()) check(iterator_->status());
    }

    const Bytes lower_, upper_;
    const rocksdb::Slice lower_slice_, upper_slice_;
    std::unique_ptr<rocksdb::Iterator> iterator_;
};

using Handles = std::vector<rocksdb::ColumnFamilyHandle*>;

/// The store as opened; reads from it, newest or of a snapshot.
struct Store {
    std::unique_ptr<rocksdb::Env> env;
    std::unique_ptr<rocksdb::DB> db;
    Handles handles;  ///< As `rocks_families` has them.

    rocksdb::ColumnFamilyHandle* family(Family family) const {
        return handles[1 + index_of(family)];
    }

    bool get(const rocksdb::Snapshot* snapshot, Family from, BytesView key, Bytes& value) const {
        rocksdb::ReadOptions options;
        options.snapshot = snapshot;
        const auto status = db->Get(options, family(from), slice(key), &value);
        if (status.IsNotFound()) return false;
        check(status);
        return true;
    }

    std::vector<std::optional<Bytes>> get_many(const rocksdb::Snapshot* snapshot, Family from,
                                               std::span<const Bytes> keys) const;
};

std::vector<std::optional<Bytes>> Store::get_many(const rocksdb::Snapshot* snapshot, Family from,
                                                  std::span<const Bytes> keys) const {
    std::vector<std::optional<Bytes>> values(keys.size());
    if (keys.size() == 1) {
        Bytes value;
        if (get(snapshot, from, keys[0], value)) values[0] = std::move(value);
        return values;
    }
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    std::vector<rocksdb::Slice> slices(std::min(keys.size(), get_many_keys_max));
    std::vector<rocksdb::PinnableSlice> found(slices.size());
    std::vector<rocksdb::Status> statuses(slices.size());
    for (std::size_t done = 0; done < keys.size();) {
        const auto count = std::min(keys.size() - done, slices.size());
        for (std::size_t i = 0; i < count; ++i) slices[i] = slice(keys[done + i]);
        db->MultiGet(options, family(from), count, slices.data(), found.data(), statuses.data());
        for (std::size_t i = 0; i < count; ++i) {
            if (statuses[i].ok()) {
                values[done + i].emplace(found[i].data(), found[i].size());
            } else if (!statuses[i].IsNotFound()) {
                fail(statuses[i]);
            }
            found[i].Reset();
        }
        done += count;
    }
    return values;
}

class RocksSnapshot final : public Snapshot {
public:
    /// Takes `snapshot` over.
    RocksSnapshot(const Store& store, const rocksdb::Snapshot* snapshot)
        : store_(store), snapshot_(snapshot) {}
    ~RocksSnapshot() override { store_.db->ReleaseSnapshot(snapshot_); }
    RocksSnapshot(const RocksSnapshot&) = delete;
    RocksSnapshot& operator=(const RocksSnapshot&) = delete;

    bool get(Family family, BytesView key, Bytes& value) const override {
        return store_.get(snapshot_, family, key, value);
    }
    std::vector<std::optional<Bytes>> get_many(Family family,
                                               std::span<const Bytes> keys) const override {
        return store_.get_many(snapshot_, family, keys);
    }
    std::unique_ptr<Cursor> cursor(Family family, BytesView lower, BytesView upper) const override {
        return std::make_unique<RocksCursor>(*store_.db, store_.family(family), snapshot_, lower,
                                             upper);
    }

private:
    const Store& store_;
    const rocksdb::Snapshot* snapshot_;
};

class RocksEngine final : public Engine {
public:
    RocksEngine(const std::filesystem::path& folder, const RocksOptions& options);
    ~RocksEngine() override;
    RocksEngine(const RocksEngine&) = delete;
    RocksEngine& operator=(const RocksEngine&) = delete;

    // The newest state needs no snapshot: RocksDB reads as of the call.
    bool get(Family family, BytesView key, Bytes& value) const override {
        return store_.get(nullptr, family, key, value);
    }
    std::vector<std::optional<Bytes>> get_many(Family family,
                                               std::span<const Bytes> keys) const override {
        return store_.get_many(nullptr, family, keys);
    }
    std::unique_ptr<Cursor> cursor(Family family, BytesView lower, BytesView upper) const override {
        return std::make_unique<RocksCursor>(*store_.db, store_.family(family), nullptr, lower,
                                             upper);
    }
    std::unique_ptr<Snapshot> snapshot() const override {
        auto& db = *store_.db;
        return std::make_unique<RocksSnapshot>(
            store_, ingest_ ? ingest_->snapshot(db) : db.GetSnapshot());
    }
    void commit(const Batch& batch, Durability durability) override;
    void compact(Family family, BytesView from, BytesView to) override;
    std::uint64_t approximate_bytes(Family family, BytesView from, BytesView to) const override;

private:
    void fill(rocksdb::WriteBatch& out, const Batch& batch) const;
    void require_space(const Batch& batch);
    bool resume();
    void note_range_erasures(const Batch& batch);

    const std::filesystem::path folder_;
    const std::uintmax_t free_bytes_min_;
    const bool sync_writes_;
    /// No need to look at the free space before: `time_since_epoch` of the steady clock.
    std::atomic<std::chrono::steady_clock::duration> plenty_until_{};
    const std::size_t ingest_bytes_min_;
    std::optional<RocksIngest> ingest_;
    Store store_;
    std::array<std::atomic<std::uint32_t>, family_count> range_erasures_{};
    std::mutex resume_mutex_;
    std::chrono::steady_clock::time_point resumed_at_{};
};

[[noreturn]] void fail_to_open(const std::filesystem::path& folder, const rocksdb::Status& status) {
    const auto text = status.ToString();
    if (status.IsIOError() && text.find("/LOCK: ") != std::string::npos) {
        throw EngineFailure(
            Code::storage_failed,
            fmt::format("data folder {} is in use by another process", folder.string()));
    }
    throw EngineFailure(status.IsNoSpace() ? Code::storage_full : Code::storage_failed,
                        fmt::format("data folder {} cannot be opened: {}", folder.string(), text));
}

RocksEngine::RocksEngine(const std::filesystem::path& folder, const RocksOptions& options)
    : folder_(folder),
      free_bytes_min_(options.free_bytes_min),
      sync_writes_(options.sync_writes),
      ingest_bytes_min_(options.ingest_bytes_min) {
    prepare_data_folder(folder);
    store_.env = make_rocks_env(options);
    rocksdb::DB* db = nullptr;
    const auto status =
        rocksdb::DB::Open(rocks_database_options(options, *store_.env), folder.string(),
                          rocks_families(options), &store_.handles, &db);
    if (!status.ok()) fail_to_open(folder, status);
    store_.db.reset(db);
    if (ingest_bytes_min_ == 0) return;
    ingest_.emplace(folder / "ingest");
    // RocksDB takes a snapshot of number 0 for none, and files that it takes over do not count.
    if (store_.db->GetLatestSequenceNumber() > 0) return;
    check(store_.db->Delete({}, store_.family(Family::catalog), ""));
}

RocksEngine::~RocksEngine() {
    auto status = store_.db->SyncWAL();
    if (ingest_) RocksIngest::settle(*store_.db, store_.handles);
    rocksdb::CancelAllBackgroundWork(store_.db.get(), true);
    for (auto* handle : store_.handles) store_.db->DestroyColumnFamilyHandle(handle);
    const auto closed = store_.db->Close();
    if (status.ok()) status = closed;
    if (!status.ok()) {
        log(LogLevel::error, fmt::format("closing the store failed ({})", status.ToString()));
    }
}

void RocksEngine::fill(rocksdb::WriteBatch& out, const Batch& batch) const {
    for (const auto& entry : batch.entries()) {
        auto* family = store_.family(entry.family);
        switch (entry.kind) {
            case Batch::Kind::put:
                check(out.Put(family, slice(entry.key), slice(entry.value)));
                break;
            case Batch::Kind::erase:
                check(out.Delete(family, slice(entry.key)));
                break;
            case Batch::Kind::erase_range:
                if (entry.key >= entry.value) break;
                check(out.DeleteRange(family, slice(entry.key), slice(entry.value)));
                break;
        }
    }
}

void RocksEngine::commit(const Batch& batch, Durability durability) {
    if (ingest_ && batch.bytes() >= ingest_bytes_min_ && RocksIngest::fits(batch)) {
        require_space(batch);
        const auto families = std::vector(store_.handles.begin() + 1, store_.handles.end());
        return check(ingest_->ingest(*store_.db, families, batch));
    }
    rocksdb::WriteOptions options;
    options.sync = sync_writes_ && durability == Durability::synced;
    // An entry's own bytes and about as much again as RocksDB puts around it.
    rocksdb::WriteBatch rocks(batch.bytes() + 24 * batch.entries().size() + 64);
    fill(rocks, batch);
    if (rocks.Count() == 0) {
        if (options.sync) check(store_.db->SyncWAL());
        return;
    }
    require_space(batch);
    auto status = store_.db->Write(options, &rocks);
    // From a full disk RocksDB resumes by itself, after it has seen that there is space.
    const bool full = status.IsNoSpace();
    if (!status.ok() && !full && resume()) status = store_.db->Write(options, &rocks);
    check(status);
    note_range_erasures(batch);
}

// RocksDB must not meet a full disk in the middle of its log: it resumes then by writing its
// memtables out, but where these are empty, as after a start, it keeps the broken log and ends the
// process at the next write (an assertion, which Debian's build has). So commits stop before: what
// is kept back also lets a store with a full disk be opened again, and room be made.
//
// Asking costs a good part of a small commit. So it is not done again at once where there was
// plenty: nobody fills that much in so short a time.
void RocksEngine::require_space(const Batch& batch) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    if (now < plenty_until_.load() && batch.bytes() < plenty_bytes / 4) return;
    std::error_code failed;
    const auto left = std::filesystem::space(folder_, failed).available;
    if (failed) return;  // The write itself finds out what is wrong.
    const bool makes_room = std::any_of(
        batch.entries().begin(), batch.entries().end(),
        [](const auto& entry) { return entry.kind == Batch::Kind::erase_range; });
    const auto kept = makes_room ? free_bytes_min_ / 2 : free_bytes_min_;
    if (left >= kept && left - kept >= batch.bytes()) {
        if (left - kept >= plenty_bytes) plenty_until_ = now + plenty_time;
        return;
    }
    throw EngineFailure(Code::storage_full,
                        fmt::format("no space is left for data ({} MiB, of which {} are kept back)",
                                    left >> 20U, kept >> 20U));
}

// After a failed write RocksDB refuses all further ones until it is told to resume: it then writes
// its memtables out and starts a new log, so what the failed write left in the old one is never
// replayed. It may fail again, as long as the disk is full; then so do we. For a full disk RocksDB
// also looks by itself, every five seconds, whether there is room for a memtable again.
bool RocksEngine::resume() {
    const std::lock_guard lock(resume_mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (resumed_at_ != std::chrono::steady_clock::time_point{} &&
        now - resumed_at_ < resume_interval) {
        return false;
    }
    resumed_at_ = now;
    return store_.db->Resume().ok();
}

void RocksEngine::note_range_erasures(const Batch& batch) {
    std::array<std::uint32_t, family_count> counts{};
    bool any = false;
    for (const auto& entry : batch.entries()) {
        if (entry.kind != Batch::Kind::erase_range) continue;
        ++counts[index_of(entry.family)];
        any = true;
    }
    if (!any) return;
    for (std::size_t i = 0; i < family_count; ++i) {
        if (counts[i] == 0) continue;
        if (range_erasures_[i].fetch_add(counts[i]) + counts[i] < memtable_range_erasures_max) {
            continue;
        }
        range_erasures_[i].store(0);
        rocksdb::FlushOptions flush;
        flush.wait = false;
        flush.allow_write_stall = true;
        const auto status = store_.db->Flush(flush, store_.handles[1 + i]);
        // The commit stands all the same, and the next one finds out about a broken disk.
        if (!status.ok()) {
            log(LogLevel::warning, fmt::format("a flush failed ({})", status.ToString()));
        }
    }
}

void RocksEngine::compact(Family family, BytesView from, BytesView to) {
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
    options.blob_garbage_collection_age_cutoff = 1.0;
    const auto first = slice(from);
    const auto last = slice(to);
    check(store_.db->CompactRange(options, store_.family(family), from.empty() ? nullptr : &first,
                                  to.empty() ? nullptr : &last));
}

std::uint64_t RocksEngine::approximate_bytes(Family family, BytesView from, BytesView to) const {
    auto* handle = store_.family(family);
    // No key of ours reaches it: keys start with an id or with a letter.
    const Bytes beyond_all(16, '\xff');
    const rocksdb::Range range(slice(from), to.empty() ? slice(beyond_all) : slice(to));
    rocksdb::SizeApproximationOptions options;
    options.include_memtables = true;
    options.include_files = true;
    std::uint64_t bytes = 0;
    check(store_.db->GetApproximateSizes(options, handle, &range, 1, &bytes));
    if (family != Family::attachments || bytes == 0) return bytes;

    // Blob files are counted as a whole only: this range's share of the files that point there.
    std::uint64_t blobs = 0, tables = 0, in_tables = 0;
    store_.db->GetIntProperty(handle, "rocksdb.live-blob-file-size", &blobs);
    store_.db->GetIntProperty(handle, "rocksdb.total-sst-files-size", &tables);
    options.include_memtables = false;
    check(store_.db->GetApproximateSizes(options, handle, &range, 1, &in_tables));
    if (tables == 0) return bytes;
    const auto share = static_cast<double>(in_tables) / static_cast<double>(tables);
    return bytes + static_cast<std::uint64_t>(std::min(share, 1.0) * static_cast<double>(blobs));
}

}  // namespace

std::unique_ptr<Engine> open_rocks_engine(const std::filesystem::path& folder,
                                          const RocksOptions& options) {
    return std::make_unique<RocksEngine>(folder, options);
}

}  // namespace divan::storage
