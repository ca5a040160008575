#include "server/app.h"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "auth/accounts.h"
#include "auth/audit.h"
#include "auth/hash_upgrades.h"
#include "auth/passkey_ceremonies.h"
#include "auth/rate_limit.h"
#include "auth/sessions.h"
#include "auth/tokens.h"
#include "auth/user_databases.h"
#include "server/compactor.h"
#include "server/config/admins.h"
#include "server/config/config.h"
#include "server/departed_users.h"
#include "server/dispatch.h"
#include "server/first_start.h"
#include "server/handlers/changes/global_changes.h"
#include "server/listen.h"
#include "server/replication/make_replicator.h"
#include "server/services.h"
#include "server/session_keeper.h"
#include "server/session_settings.h"
#include "storage/base/async/work_pool.h"
#include "storage/base/log.h"
#include "storage/engine/rocks_engine.h"
#include "storage/query/js/worker_pool.h"
#include "storage/query/view/views.h"

namespace divan::server {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds stop_grace{10};
constexpr std::chrono::seconds compaction_pause{30};
constexpr std::size_t pool_threads_min = 4;
constexpr std::size_t limited_keys_max = 100'000;  // about 200 bytes each

void load_config(Config& config, const AppOptions& options) {
    auto files = config_files(options.data, options.config_files);
    const auto loaded = config.load(std::move(files.read), std::move(files.writable));
    if (!loaded) throw std::runtime_error(loaded.error().reason);
}

void make_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
        throw std::runtime_error(
            fmt::format("cannot make the data folder {}: {}", folder.string(), error.message()));
    }
}

std::size_t block_cache_bytes(const Config& config) {
    constexpr std::int64_t least = 8 << 20;
    constexpr std::int64_t otherwise = 128 << 20;
    const auto bytes = config.get_integer("storage", "block_cache_bytes", otherwise);
    return static_cast<std::size_t>(std::max(bytes, least));
}

std::unique_ptr<storage::js::WorkerPool> make_javascript(const Config& config,
                                                         const AppOptions& options) {
    auto program = options.javascript_program;
    if (program.empty()) program = fs::read_symlink("/proc/self/exe").parent_path() / "divan-js";
    return std::make_unique<storage::js::WorkerPool>(program, [read = setting_reader(config)] {
        return storage::js::read_worker_settings(read);
    });
}

// "audit" in the data folder. Throws where it cannot be written: a server that should keep the log
// does not run without it.
std::unique_ptr<auth::Audit> make_audit(const Config& config, const fs::path& data,
                                        const Clock& clock, Metrics& metrics) {
    constexpr std::int64_t file_bytes_least = 64 << 10;
    if (!config.get_bool("audit", "enable", true)) return std::make_unique<auth::Audit>();
    auth::AuditOptions options;
    options.folder = data / "audit";
    const auto sync = config.get("audit", "sync", "always");
    options.sync = sync == "never" ? auth::AuditSync::never : auth::AuditSync::always;
    const auto bytes = config.get_integer("audit", "file_bytes_max", 64 << 20);
    options.file_bytes_max = static_cast<std::uint64_t>(std::max(bytes, file_bytes_least));
    return std::make_unique<auth::Audit>(std::move(options), clock, metrics);
}

std::string url_of(std::string_view scheme, std::string host, std::uint16_t port) {
    if (host == "any" || host == "0.0.0.0") host = "127.0.0.1";
    if (host.find(':') != std::string::npos && host.front() != '[') host = "[" + host + "]";
    return fmt::format("{}://{}:{}", scheme, host, port);
}

}  // namespace

/// In the order of building; destroyed from below.
struct App::Parts {
    AppOptions options;
    std::atomic<bool> stopping{false};
    Config config;
    Clock clock;
    Metrics metrics;
    std::unique_ptr<storage::Engine> engine;
    std::unique_ptr<storage::Catalog> catalog;
    std::unique_ptr<GlobalChanges> global_changes;
    std::unique_ptr<auth::Audit> audit;
    std::unique_ptr<auth::RateLimiter> limiter;
    std::unique_ptr<auth::Accounts> accounts;
    std::unique_ptr<storage::js::WorkerPool> javascript;
    std::unique_ptr<WorkPool> index_pool;
    std::unique_ptr<storage::Indexes> indexes;
    std::unique_ptr<storage::Views> views;
    std::unique_ptr<auth::HashUpgrades> hash_upgrades;
    std::unique_ptr<auth::SystemStore> system_store;
    std::unique_ptr<ConfiguredSessions> session_settings;
    std::unique_ptr<auth::Sessions> sessions;
    std::unique_ptr<auth::Tokens> tokens;
    std::unique_ptr<auth::PasskeyCeremonies> passkeys;
    std::unique_ptr<DepartedUsers> departed_users;
    std::unique_ptr<WorkPool> pool;
    std::unique_ptr<Services> services;
    std::unique_ptr<Dispatcher> dispatcher;
    std::unique_ptr<HttpServer> http;
    std::unique_ptr<Compactor> compactor;
    std::unique_ptr<auth::UserDatabases> user_databases;
    std::shared_ptr<TlsContext> tls;  ///< Shared with `http`.
    HttpOptions listening;
    std::unique_ptr<SessionKeeper> session_keeper;
    std::unique_ptr<replication::Replicator> replicator;
};

void App::upgrade_hashes(Parts& parts) {
    parts.hash_upgrades = std::make_unique<auth::HashUpgrades>(
        *parts.catalog, setting_reader(parts.config), *parts.accounts,
        [&pool = *parts.pool](std::function<void()> work) { pool.post(std::move(work)); });
    parts.accounts->on_outdated_hash(
        [&upgrades = *parts.hash_upgrades](const auto& credentials, const auto& seen) {
            upgrades.ask(credentials, seen);
        });
}

void App::open_sign_in(Parts& parts) {
    const auto find_account = [&accounts = *parts.accounts](std::string_view name) {
        return accounts.find(name);
    };
    parts.system_store = std::make_unique<auth::SystemStore>(*parts.engine);
    parts.session_settings = std::make_unique<ConfiguredSessions>(parts.config);
    parts.sessions = std::make_unique<auth::Sessions>(*parts.system_store, *parts.session_settings,
                                                      find_account, parts.clock);
    parts.tokens = std::make_unique<auth::Tokens>(*parts.sessions, *parts.system_store,
                                                  *parts.session_settings, parts.clock);
    parts.passkeys = std::make_unique<auth::PasskeyCeremonies>(
        *parts.system_store, setting_reader(parts.config), find_account, parts.clock);
    parts.departed_users =
        std::make_unique<DepartedUsers>(*parts.catalog, setting_reader(parts.config),
                                        *parts.system_store, *parts.passkeys, *parts.sessions);
    parts.departed_users->settle_rest();
}

App::App(AppOptions options) : parts_(std::make_unique<Parts>()) {
    auto& parts = *parts_;
    parts.options = std::move(options);
    make_folder(parts.options.data);
    load_config(parts.config, parts.options);

    storage::RocksOptions rocks;
    rocks.sync_writes = parts.options.sync_writes;
    rocks.block_cache_bytes = block_cache_bytes(parts.config);
    parts.engine = storage::open_rocks_engine(parts.options.data, rocks);
    const auto open_max = parts.config.get_integer("couchdb", "max_dbs_open", 2000);
    parts.catalog = std::make_unique<storage::Catalog>(
        *parts.engine, static_cast<std::size_t>(std::max<std::int64_t>(open_max, 1)));
    parts.global_changes = std::make_unique<GlobalChanges>(*parts.catalog, parts.config);

    parts.audit = make_audit(parts.config, parts.options.data, parts.clock, parts.metrics);
    parts.limiter = std::make_unique<auth::RateLimiter>(parts.clock, limited_keys_max);
    parts.accounts =
        std::make_unique<auth::Accounts>(*parts.catalog, setting_reader(parts.config), parts.clock);
    parts.javascript = make_javascript(parts.config, parts.options);
    open_sign_in(parts);
    const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    parts.pool = make_work_pool(std::max(pool_threads_min, 2 * cores));
    // Of its own: an update keeps its thread while queries wait for it.
    parts.index_pool = make_work_pool(cores);
    parts.indexes = std::make_unique<storage::Indexes>(
        [&pool = *parts.index_pool](std::function<void()> work) { pool.post(std::move(work)); });
    parts.views = std::make_unique<storage::Views>(
        *parts.indexes, storage::ViewEnvironment{*parts.javascript, setting_reader(parts.config)});
    upgrade_hashes(parts);
    auto restart = parts.options.on_restart ? parts.options.on_restart : [] {};
    parts.services.reset(new Services{*parts.catalog,
                                      parts.config,
                                      *parts.accounts,
                                      *parts.session_settings,
                                      *parts.sessions,
                                      *parts.tokens,
                                      *parts.passkeys,
                                      *parts.departed_users,
                                      *parts.pool,
                                      parts.clock,
                                      parts.metrics,
                                      *parts.audit,
                                      *parts.limiter,
                                      *parts.javascript,
                                      *parts.views,
                                      {},
                                      std::move(restart),
                                      [&stopping = parts.stopping] { return stopping.load(); }});
    parts.dispatcher = std::make_unique<Dispatcher>(routes(), *parts.services);
    parts.tls = make_tls(parts.config);
    parts.listening =
        http_options(parts.options, parts.config, !has_admin(parts.config), parts.tls);
    parts.http = std::make_unique<HttpServer>(*parts.dispatcher, parts.metrics, parts.listening);
    // Last, so that a start that fails leaves nothing behind and says no password.
    ensure_admin(parts.config);
    ensure_secret(parts.config);
    parts.services->node_uuid = ensure_node_uuid(parts.config);
    ensure_system_databases(parts.config, *parts.catalog);
    parts.replicator =
        make_replicator(*parts.services, parts.listening.address, parts.http->port());
    parts.services->replicator = parts.replicator.get();
    follow_databases(*parts.catalog, *parts.replicator);
}

App::~App() {
    if (parts_->http) stop();
}

void App::start() {
    parts_->compactor = std::make_unique<Compactor>(*parts_->catalog, compaction_pause);
    parts_->user_databases =
        std::make_unique<auth::UserDatabases>(*parts_->catalog, setting_reader(parts_->config));
    parts_->session_keeper = std::make_unique<SessionKeeper>(*parts_->sessions);
    parts_->http->start();
    parts_->replicator->start();
}

void App::stop() {
    auto& parts = *parts_;
    parts.replicator->stop();  // while everything still answers: last checkpoints
    parts.stopping = true;
    for (const auto& database : parts.catalog->open_databases()) database->bell().ring();
    parts.indexes->stop();
    parts.http->stop(stop_grace);
    parts.user_databases.reset();
    parts.compactor.reset();
    parts.javascript->stop();  // its callers are threads of the pool
    parts.services->script_pool.reset();
    parts.pool.reset();        // before the loops: what it still finishes is told to them
    parts.http.reset();
    parts.dispatcher.reset();
    parts.services.reset();
    parts.session_keeper.reset();  // writes down what the last requests have used
    parts.departed_users.reset();
    parts.passkeys.reset();
    parts.tokens.reset();
    parts.sessions.reset();
    parts.session_settings.reset();
    parts.system_store.reset();
    parts.index_pool.reset();
    parts.views.reset();
    parts.indexes.reset();
    parts.javascript.reset();
    parts.hash_upgrades.reset();
    parts.accounts.reset();
    parts.limiter.reset();
    parts.audit.reset();
    parts.global_changes.reset();
    parts.replicator.reset();  // heard of databases up to here
    parts.catalog.reset();
    parts.engine.reset();
}

std::uint16_t App::port() const {
    return parts_->http->port();
}

std::string App::url() const {
    return url_of("http", parts_->listening.address, port());
}

std::optional<std::string> App::tls_url() const {
    const auto& tls = parts_->listening.tls;
    if (!tls) return std::nullopt;
    return url_of("https", tls->address, parts_->http->tls_port());
}

void App::reload() {
    auto& parts = *parts_;
    const auto read = parts.config.reload();
    if (read.has_error()) log(LogLevel::error, read.error().reason);
    if (read.has_value()) hash_plain_admins(parts.config);
    try {
        if (parts.tls) parts.tls->reload();
    } catch (const std::runtime_error& failure) {
        log(LogLevel::error, fmt::format("{}; the old certificate stays", failure.what()));
    }
}

fs::path configured_data_folder(const std::vector<fs::path>& config_files) {
    Config config;
    const auto loaded = config.load(config_files, {});
    if (!loaded) throw std::runtime_error(loaded.error().reason);
    const auto folder = config.get("couchdb", "database_dir");
    return folder.empty() ? fs::path("data") : fs::path(folder);
}

}  // namespace divan::server
