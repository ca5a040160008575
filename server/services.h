#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/handlers/node/uuid_generator.h"
#include "server/http/response.h"
#include "storage/base/async/event_loop.h"
#include "storage/base/async/work_pool.h"
#include "storage/base/clock.h"
#include "storage/base/metrics.h"
#include "storage/database/catalog.h"
#include "storage/query/mango/index_cache.h"

namespace divan::auth {
class Accounts;
class Audit;
class PasskeyCeremonies;
class RateLimiter;
class Sessions;
class SessionSettings;
class Tokens;
}  // namespace divan::auth

namespace divan::replication {
class Replicator;
}  // namespace divan::replication

namespace divan::storage {
class Views;
namespace js {
class Runtime;
}
}  // namespace divan::storage

namespace divan::server {

class Config;
class DepartedUsers;
class Maintenance;

/// Calls of JavaScript that wait at once; the others queue.
inline constexpr std::size_t script_threads = 16;

/// What handlers are given. Built and owned by `App`; everything outlives every request.
struct Services {
    storage::Catalog& catalog;
    Config& config;
    auth::Accounts& accounts;
    auth::SessionSettings& session_settings;
    auth::Sessions& sessions;
    auth::Tokens& tokens;
    auth::PasskeyCeremonies& passkeys;
    DepartedUsers& departed_users;
    WorkPool& pool;
    Clock& clock;
    Metrics& metrics;
    auth::Audit& audit;
    auth::RateLimiter& limiter;
    storage::js::Runtime& javascript;
    storage::Views& views;
    std::string node_uuid;               ///< `[couchdb] uuid`.
    std::function<void()> request_restart;  ///< `_restart`: called after the answer was sent.
    const std::function<bool()> stopping;   ///< Feeds end when this turns true.
    /// Ids of documents that were sent without one, and of `_uuids`.
    std::unique_ptr<UuidGenerator> uuids = std::make_unique<UuidGenerator>();
    /// What `_find` and `_index` know of design documents.
    std::unique_ptr<storage::mango::IndexCache> mango_indexes =
        std::make_unique<storage::mango::IndexCache>();

    /// Answers a request that a design document made of another: set by dispatch.
    std::function<Task<Response>(Request&)> answer_rewritten = {};
    /// For calls of JavaScript: functions that hang must not hold up those who read and write.
    std::unique_ptr<WorkPool> script_pool = make_work_pool(script_threads);
    /// Set by `App` before the first request; null in tests of single handlers.
    replication::Replicator* replicator = nullptr;

    /// Runs `work` where it may block; resumes on the session's loop.
    template <class F>
    PoolAwaiter<F> on_storage(F work) const {
        return run_on(pool, std::move(work));
    }
    template <class F>
    PoolAwaiter<F> on_scripts(F work) const {
        return run_on(*script_pool, std::move(work));
    }
};

/// Hands edits to the database's writer and waits for the commit without holding a thread.
Task<storage::EditOutcomes> write_edits(Services& services, storage::Database& database,
                                        std::vector<storage::Edit> edits);
Task<Result<storage::Purged>> write_purge(Services& services, storage::Database& database,
                                          std::vector<storage::PurgeRow> rows);

}  // namespace divan::server
