#include "storage/engine/rocks_ingest.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include <fmt/format.h>

namespace divan::storage {
namespace {

using Entries = std::vector<const Batch::Entry*>;

rocksdb::Slice slice(BytesView bytes) {
    return {bytes.data(), bytes.size()};
}

// How many bytes all keys begin with together.
std::size_t common_bytes(const Entries& entries) {
    const BytesView first = entries.front()->key;
    auto common = first.size();
    for (const auto* entry : entries) {
        const auto part = first.substr(0, common);
        const auto at = std::mismatch(part.begin(), part.end(), entry->key.begin(),
                                      entry->key.end());
        common = static_cast<std::size_t>(at.first - part.begin());
    }
    return common;
}

// Eight bytes from there on as a number, which is ordered as they are: those that keys lack are 0.
std::uint64_t leading(BytesView key, std::size_t from) {
    std::uint64_t number = 0;
    for (std::size_t at = from; at < from + sizeof number; ++at) {
        number = number << 8 | (at < key.size() ? static_cast<unsigned char>(key[at]) : 0U);
    }
    return number;
}

// Keys in no order are far apart in memory: most are told apart by a number that is at hand.
void sort_by_key(Entries& entries) {
    struct Placed {
        std::uint64_t leading;
        const Batch::Entry* entry;
    };
    const auto common = common_bytes(entries);
    std::vector<Placed> placed;
    placed.reserve(entries.size());
    for (const auto* entry : entries) placed.push_back({leading(entry->key, common), entry});
    std::stable_sort(placed.begin(), placed.end(), [](const Placed& one, const Placed& other) {
        if (one.leading != other.leading) return one.leading < other.leading;
        return one.entry->key < other.entry->key;
    });
    std::transform(placed.begin(), placed.end(), entries.begin(),
                   [](const Placed& one) { return one.entry; });
}

// By key; of several of one key the last one.
void sort(Entries& entries) {
    const auto before = [](const auto* one, const auto* other) { return one->key < other->key; };
    if (!std::is_sorted(entries.begin(), entries.end(), before)) sort_by_key(entries);
    std::size_t kept = 0;
    for (std::size_t at = 0; at < entries.size(); ++at) {
        if (at + 1 < entries.size() && entries[at + 1]->key == entries[at]->key) continue;
        entries[kept++] = entries[at];
    }
    entries.resize(kept);
}

rocksdb::Status write_file(const rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                           const Entries& entries, const std::string& path) {
    const auto options = db.GetOptions(family);
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(options), options, family);
    auto status = writer.Open(path);
    for (auto entry = entries.begin(); status.ok() && entry != entries.end(); ++entry) {
        const auto key = slice((*entry)->key);
        status = (*entry)->kind == Batch::Kind::put ? writer.Put(key, slice((*entry)->value))
                                                    : writer.Delete(key);
    }
    return status.ok() ? writer.Finish() : status;
}

// Files that were not taken over go at the end.
class Files {
public:
    explicit Files(const std::filesystem::path& folder) : folder_(folder) {}
    ~Files() {
        for (const auto& path : paths_) {
            std::error_code ignored;
            std::filesystem::remove(path, ignored);
        }
    }
    Files(const Files&) = delete;
    Files& operator=(const Files&) = delete;

    const std::string& next() {
        static std::atomic<std::uint64_t> number{0};
        return paths_.emplace_back((folder_ / fmt::format("{}.sst", ++number)).string());
    }

private:
    const std::filesystem::path& folder_;
    std::vector<std::string> paths_;
};

std::uint64_t property(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                       const std::string& name) {
    std::uint64_t value = 0;
    db.GetIntProperty(family, name, &value);
    return value;
}

std::uint64_t young_files(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
    std::string count;
    db.GetProperty(family, rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0", &count);
    return std::strtoull(count.c_str(), nullptr, 10);
}

// RocksDB has no call that waits for what it does by itself.
void wait_for_compactions(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                          std::uint64_t files_max) {
    using Properties = rocksdb::DB::Properties;
    constexpr std::chrono::milliseconds pause{5};
    while (young_files(db, family) > files_max &&
           property(db, family, Properties::kBackgroundErrors) == 0 &&
           (property(db, family, Properties::kCompactionPending) > 0 ||
            property(db, family, Properties::kNumRunningCompactions) > 0)) {
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace

RocksIngest::RocksIngest(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
}

bool RocksIngest::fits(const Batch& batch) {
    return std::none_of(batch.entries().begin(), batch.entries().end(), [](const auto& entry) {
        return entry.kind == Batch::Kind::erase_range || entry.family == Family::attachments;
    });
}

rocksdb::Status RocksIngest::ingest(rocksdb::DB& db,
                                    const std::vector<rocksdb::ColumnFamilyHandle*>& families,
                                    const Batch& batch) const {
    std::array<Entries, family_count> sorted;
    for (const auto& entry : batch.entries()) {
        sorted[static_cast<std::size_t>(entry.family)].push_back(&entry);
    }
    Files files(folder_);
    std::vector<rocksdb::IngestExternalFileArg> arguments;
    for (std::size_t family = 0; family < family_count; ++family) {
        if (sorted[family].empty()) continue;
        sort(sorted[family]);
        const auto& path = files.next();
        auto written = write_file(db, families[family], sorted[family], path);
        if (!written.ok()) return written;
        auto& argument = arguments.emplace_back();
        argument.column_family = families[family];
        argument.external_files = {path};
        argument.options.move_files = true;
        argument.options.failed_move_fall_back_to_copy = false;
    }
    // What was committed before must not be younger on the disk than this.
    const auto status = db.SyncWAL();
    if (!status.ok() || arguments.empty()) return status;
    const std::lock_guard lock(taking_over_);
    return db.IngestExternalFiles(arguments);
}

// Where there is no snapshot when it starts, RocksDB takes keys over that it does not have yet as
// older than everything, and lets its lock go before all families show them: a snapshot taken then
// would see them appear in one family after the other.
const rocksdb::Snapshot* RocksIngest::snapshot(rocksdb::DB& db) const {
    const std::lock_guard lock(taking_over_);
    return db.GetSnapshot();
}

void RocksIngest::settle(rocksdb::DB& db,
                         const std::vector<rocksdb::ColumnFamilyHandle*>& families) {
    const rocksdb::ColumnFamilyOptions usual;
    const auto trigger = usual.level0_file_num_compaction_trigger;
    for (auto* family : families) {
        const auto set = db.SetOptions(
            family, {{"level0_file_num_compaction_trigger", std::to_string(trigger)}});
        if (set.ok()) wait_for_compactions(db, family, static_cast<std::uint64_t>(trigger));
    }
}

}  // namespace divan::storage
