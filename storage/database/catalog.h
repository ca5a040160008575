#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/database/database.h"

namespace divan::storage {

/// What happened to a database; told to the one listener that `on_event` sets.
enum class DatabaseEvent : std::uint8_t { created, updated, deleted };

/// How a database is made.
struct NewDatabase {
    bool partitioned = false;
    std::uint32_t shards = 1;  ///< See `DatabaseEntry`.
    std::string security;      ///< JSON; empty: as of a database that none was ever put to.
};

/// All databases of an engine, which must outlive it. Opens them on demand and lets idle ones go,
/// so that what is not used costs nothing but its few keys on disk. Any thread.
class Catalog {
public:
    explicit Catalog(Engine& engine, std::size_t open_databases_max = 2000);
    ~Catalog();

    /// Null where there is none.
    std::shared_ptr<Database> open(std::string_view name);
    /// Durable when it returns. Refuses with `database_exists`. The name is not judged here.
    Result<std::shared_ptr<Database>> create(const std::string& name,
                                             const NewDatabase& options = {});
    /// False where there is none. What others still do with it is refused from now on.
    bool erase(std::string_view name);
    bool exists(std::string_view name) const;

    /// Names in byte order, in [first, last], the other way round when `descending`.
    struct NameRange {
        std::optional<std::string> first, last;
        bool inclusive_end = true;
        bool descending = false;
        std::uint64_t skip = 0;
        std::uint64_t limit = UINT64_MAX;
    };
    std::vector<std::string> names(const NameRange& range) const;

    /// `listener` runs on the thread that made the change; it must be short. Set before use.
    using Listener = std::function<void(DatabaseEvent, const std::string& name)>;
    void on_event(Listener listener) { listener_ = std::move(listener); }
    const Listener& listener() const { return listener_; }

    /// Open now, for `_active_tasks` and automatic compaction.
    std::vector<std::shared_ptr<Database>> open_databases() const;

private:
    std::shared_ptr<Database> load(std::string_view name);
    void evict_idle();
    void sweep();

    Engine& engine_;
    const std::size_t open_databases_max_;
    mutable std::mutex mutex_;
    std::mutex create_mutex_;
    using Entry = std::pair<std::shared_ptr<Database>, std::list<std::string>::iterator>;
    struct NameHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const {
            return std::hash<std::string_view>()(name);
        }
    };
    std::unordered_map<std::string, Entry, NameHash, std::equal_to<>> open_;
    std::list<std::string> recent_;  ///< Most recently used first.
    std::uint64_t next_id_ = 1;
    Listener listener_;
};

/// chttpd_db's and couch_db's rule on names: [a-z][a-z0-9_$()+/-]*, or a system database.
Result<void> validate_database_name(std::string_view name);
bool is_system_database(std::string_view name);

}  // namespace divan::storage
