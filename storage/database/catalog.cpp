#include "storage/database/catalog.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <shared_mutex>

#include "storage/base/log.h"
#include "storage/base/random.h"
#include "storage/engine/keys.h"

namespace divan::storage {
namespace {

constexpr Family database_families[] = {Family::docs,        Family::bodies, Family::changes,
                                        Family::attachments, Family::local,  Family::index};

std::int64_t unix_seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// Everything a database has, in every family.
void erase_contents(Batch& batch, DatabaseId id) {
    const auto prefix = keys::database(id);
    const auto after = keys::after_prefix(prefix);
    for (const auto family : database_families) batch.erase_range(family, prefix, after);
    for (const auto& key : {keys::state(id), keys::settings(id), keys::former_sequences(id)}) {
        batch.erase(Family::catalog, key);
    }
    for (const auto& from : {keys::upload(id, AttachmentId{0}), keys::purge(id, 0)}) {
        const auto all = from.substr(0, from.size() - sizeof(std::uint64_t));
        batch.erase_range(Family::catalog, all, keys::after_prefix(all));
    }
}

}  // namespace

Catalog::Catalog(Engine& engine, std::size_t open_databases_max)
    : engine_(engine), open_databases_max_(open_databases_max) {
    Bytes bytes;
    if (engine_.get(Family::catalog, keys::next_database_id(), bytes)) {
        next_id_ = ByteReader(bytes).u64();
    }
    sweep();
}

Catalog::~Catalog() = default;

// What uploads left behind that a crash cut off: no edit names it.
void Catalog::sweep() {
    Batch batch;
    const Bytes uploads(1, keys::catalog_upload);
    const auto cursor = engine_.cursor(Family::catalog, uploads, keys::after_prefix(uploads));
    for (cursor->seek(uploads); cursor->valid(); cursor->next()) {
        ByteReader key(cursor->key().substr(uploads.size()));
        const DatabaseId database{key.u64()};
        const AttachmentId attachment{key.u64()};
        const auto chunks = keys::chunks_of(database, attachment);
        batch.erase_range(Family::attachments, chunks, keys::after_prefix(chunks));
        batch.erase(Family::catalog, keys::upload(database, attachment));
    }
    if (!batch.empty()) engine_.commit(batch, Durability::synced);
}

std::shared_ptr<Database> Catalog::open(std::string_view name) {
    const std::lock_guard lock(mutex_);
    if (const auto found = open_.find(name); found != open_.end()) {
        recent_.splice(recent_.begin(), recent_, found->second.second);
        return found->second.first;
    }
    auto database = load(name);
    if (!database) return nullptr;
    recent_.emplace_front(name);
    open_.emplace(std::string(name), Entry{database, recent_.begin()});
    evict_idle();
    return database;
}

std::shared_ptr<Database> Catalog::load(std::string_view name) {
    Bytes bytes;
    if (!engine_.get(Family::catalog, keys::catalog_entry(name), bytes)) return nullptr;
    auto database =
        std::make_shared<Database>(engine_, std::string(name), DatabaseEntry::decode(bytes));
    database->on_update_ = [this, owned = std::string(name)] {
        if (listener_) listener_(DatabaseEvent::updated, owned);
    };
    return database;
}

void Catalog::evict_idle() {
    auto candidate = recent_.end();
    while (open_.size() > open_databases_max_ && candidate != recent_.begin()) {
        --candidate;
        const auto found = open_.find(*candidate);
        if (found->second.first.use_count() > 1) continue;
        open_.erase(found);
        candidate = recent_.erase(candidate);
    }
}

Result<std::shared_ptr<Database>> Catalog::create(const std::string& name,
                                                  const NewDatabase& options) {
    {
        const std::lock_guard create_lock(create_mutex_);
        if (exists(name)) return Error{Code::database_exists, {}, {}};
        DatabaseEntry entry;
        entry.id = DatabaseId{next_id_};
        entry.uuid = random_uuid();
        entry.partitioned = options.partitioned;
        entry.shards = options.shards;
        entry.created_seconds = unix_seconds();
        Bytes next;
        ByteWriter(next).u64(next_id_ + 1);
        Batch batch;
        batch.put(Family::catalog, keys::next_database_id(), next);
        batch.put(Family::catalog, keys::catalog_entry(name), entry.encode());
        if (!options.security.empty()) {
            DatabaseSettings settings;
            settings.security = options.security;
            batch.put(Family::catalog, keys::settings(entry.id), settings.encode());
        }
        engine_.commit(batch, Durability::synced);
        ++next_id_;
    }
    if (listener_) listener_(DatabaseEvent::created, name);
    auto database = open(name);
    if (!database) return Error{Code::not_found, "Database does not exist.", {}};
    return database;
}

bool Catalog::erase(std::string_view name) {
    const auto database = open(name);
    if (!database) return false;
    {
        const std::lock_guard create_lock(create_mutex_);
        // No commit is under way in it, and none follows.
        const std::lock_guard commit_lock(database->commit_mutex_);
        const std::unique_lock aside_lock(database->aside_mutex_);
        if (database->doomed_.exchange(true)) return false;
        Batch batch;
        batch.erase(Family::catalog, keys::catalog_entry(name));
        erase_contents(batch, database->id());
        try {
            engine_.commit(batch, Durability::synced);
        } catch (const EngineFailure&) {
            database->doomed_ = false;
            throw;
        }
        // Only now: two objects of one database would give the same sequences twice.
        const std::lock_guard lock(mutex_);
        if (const auto found = open_.find(name); found != open_.end()) {
            recent_.erase(found->second.second);
            open_.erase(found);
        }
    }
    database->bell_.ring();
    if (listener_) listener_(DatabaseEvent::deleted, std::string(name));
    return true;
}

bool Catalog::exists(std::string_view name) const {
    Bytes bytes;
    return engine_.get(Family::catalog, keys::catalog_entry(name), bytes);
}

std::vector<std::string> Catalog::names(const NameRange& range) const {
    const auto& lower = range.descending ? range.last : range.first;
    const auto& upper = range.descending ? range.first : range.last;
    const auto prefix = keys::catalog_entry("");
    const auto name_of = [&](const Cursor& cursor) { return cursor.key().substr(prefix.size()); };

    const auto snapshot = engine_.snapshot();
    const auto cursor =
        snapshot->cursor(Family::catalog, lower ? keys::catalog_entry(*lower) : prefix,
                         keys::after_prefix(prefix));
    if (range.descending) {
        cursor->seek_back(upper ? keys::catalog_entry(*upper) : keys::after_prefix(prefix));
    } else {
        cursor->seek(lower ? keys::catalog_entry(*lower) : prefix);
    }
    std::vector<std::string> names;
    auto skip = range.skip;
    for (; cursor->valid() && names.size() < range.limit;
         range.descending ? cursor->previous() : cursor->next()) {
        const auto name = name_of(*cursor);
        if (!range.descending && upper && name > *upper) break;
        if (!range.inclusive_end && range.last && name == *range.last) break;
        if (skip > 0) {
            --skip;
            continue;
        }
        names.emplace_back(name);
    }
    return names;
}

std::vector<std::shared_ptr<Database>> Catalog::open_databases() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Database>> databases;
    databases.reserve(open_.size());
    for (const auto& [name, entry] : open_) databases.push_back(entry.first);
    return databases;
}

bool is_system_database(std::string_view name) {
    const auto slash = name.rfind('/');
    const auto base = slash == std::string_view::npos ? name : name.substr(slash + 1);
    return base == "_users" || base == "_replicator" ||
           (slash == std::string_view::npos && (name == "_global_changes" || name == "_metadata"));
}

Result<void> validate_database_name(std::string_view name) {
    constexpr std::size_t name_bytes_max = 238;
    const auto legal = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               std::string_view("_$()+-/").find(c) != std::string_view::npos;
    };
    if (name.size() > name_bytes_max) {
        return Error{Code::illegal_database_name, {}, "database_name_too_long"};
    }
    if (is_system_database(name) && name.find('/') == std::string_view::npos) return {};
    const auto base = is_system_database(name) ? name.substr(0, name.rfind('/')) : name;
    if (!base.empty() && base[0] >= 'a' && base[0] <= 'z' &&
        std::all_of(base.begin(), base.end(), legal)) {
        return {};
    }
    return Error{Code::illegal_database_name, {}, {}};
}

}  // namespace divan::storage
