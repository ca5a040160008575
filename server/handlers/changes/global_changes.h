#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "server/config/config.h"
#include "storage/database/catalog.h"

namespace divan::server {

/// The database that `_db_updates` tells of: `[global_changes] dbname`.
std::string global_changes_name(const Config& config);

/// Writes down what happens to databases, as documents "created:name", "updated:name" and
/// "deleted:name" of the database `_global_changes`, where somebody has made one. What comes within
/// `[global_changes] max_write_delay` milliseconds is written together, the same event once.
///
/// It is the catalog's one listener from its beginning to its end; nothing else may set one
/// meanwhile. `catalog` and `config` must outlive it. It has a thread of its own, which mostly
/// sleeps.
class GlobalChanges {
public:
    GlobalChanges(storage::Catalog& catalog, const Config& config);
    /// Writes what is left. Nobody may change databases any more.
    ~GlobalChanges();
    GlobalChanges(const GlobalChanges&) = delete;
    GlobalChanges& operator=(const GlobalChanges&) = delete;

private:
    void note(storage::DatabaseEvent event, const std::string& name);
    void run();
    void write(const std::set<std::string>& events);

    storage::Catalog& catalog_;
    const Config& config_;
    const std::string name_;
    std::atomic<bool> recording_;  ///< Whether the database is there.
    std::mutex mutex_;
    std::condition_variable wake_;
    std::set<std::string> waiting_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace divan::server
