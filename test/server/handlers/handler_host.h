#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/accounts.h"
#include "auth/audit.h"
#include "auth/passkey_ceremonies.h"
#include "auth/rate_limit.h"
#include "auth/sessions.h"
#include "auth/tokens.h"
#include "server/config/config.h"
#include "server/departed_users.h"
#include "server/routes.h"
#include "server/session_settings.h"
#include "storage/base/async/io_loop.h"
#include "storage/base/async/work_pool.h"
#include "storage/engine/memory_engine.h"
#include "storage/query/view/views.h"
#include "test/storage/query/view/fake_runtime.h"

namespace divan::server {

/// What a handler answered, its source drained.
struct Reply {
    int status = 0;
    std::string body;
    std::string content_type;
    bool operator==(const Reply&) const = default;
};

/// Calls handlers as dispatch would, without sockets: a database "db" on a memory engine, an event
/// loop that runs as long as a call takes, and a pool.
class HandlerHost {
public:
    explicit HandlerHost(bool partitioned = false);

    struct Sent {
        std::string method = "POST";
        std::string target = "/db";  ///< Path and query.
        std::string body;
        std::vector<Header> headers = {{"content-type", "application/json"}};
        std::vector<std::pair<std::string_view, std::string>> path_values;
    };
    Reply call(Handler handler, Sent sent);
    /// A POST of JSON.
    Reply post(Handler handler, std::string body, std::string target = "/db");

    Reply get(Handler handler, std::string target = "/db");

    /// An event loop that outlives whatever the pool posts to it.
    IoLoop& make_loop() { return *loops_.emplace_back(IoLoop::create()); }

    /// Gets what an answer's source has given so far, after each piece, on the call's thread.
    std::function<void(const std::string& body)> on_piece;

    /// Who asks; an admin of the server to begin with.
    Identity identity{"admin", {"_admin"}, "default"};
    Config config;
    storage::Database& database() { return *database_; }
    storage::Catalog& catalog() { return catalog_; }
    Services& services() { return services_; }

private:
    Clock clock_;
    Metrics metrics_;
    std::unique_ptr<storage::Engine> engine_ = storage::make_memory_engine();
    storage::Catalog catalog_{*engine_};
    auth::Accounts accounts_{catalog_, setting_reader(config), clock_};
    auth::Audit audit_;
    auth::RateLimiter limiter_{clock_, 100};
    auth::SystemStore system_store_{*engine_};
    ConfiguredSessions session_settings_{config};
    auth::Sessions sessions_{system_store_, session_settings_,
                             [this](std::string_view name) { return accounts_.find(name); },
                             clock_};
    auth::Tokens tokens_{sessions_, system_store_, session_settings_, clock_};
    auth::PasskeyCeremonies passkeys_{
        system_store_, setting_reader(config),
        [this](std::string_view name) { return accounts_.find(name); }, clock_};
    DepartedUsers departed_users_{catalog_, setting_reader(config), system_store_, passkeys_,
                                  sessions_};
    std::vector<std::unique_ptr<IoLoop>> loops_;  ///< Go after the pool, which posts to them.
    std::unique_ptr<WorkPool> pool_ = make_work_pool(2);
    storage::FakeRuntime javascript_;
    storage::Indexes indexes_{
        [this](std::function<void()> work) { pool_->post(std::move(work)); }};
    storage::Views views_{indexes_, {javascript_, setting_reader(config)}};
    Services services_;
    std::shared_ptr<storage::Database> database_;
};

}  // namespace divan::server
