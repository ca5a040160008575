#include "server/dispatch.h"

#include <fmt/format.h>

#include "auth/audit.h"
#include "auth/permissions.h"
#include "auth/session_rules.h"
#include "replication/document_state.h"
#include "server/audit_event.h"
#include "server/authenticate.h"
#include "server/client_address.h"
#include "server/config/config.h"
#include "server/cors.h"
#include "server/cross_site.h"
#include "server/jsonp.h"
#include "server/limits.h"
#include "server/request_rules.h"
#include "server/route_tree.h"
#include "server/security_headers.h"
#include "server/virtual_hosts.h"
#include "storage/base/log.h"

namespace divan::server {
namespace {

// System databases are ordinary ones behind their own rules; any other "_name" is the server's.
bool is_user_facing(std::string_view database) {
    return !database.starts_with('_') || database == "_users" || database == "_replicator";
}

bool is_of_database(const Request& request) {
    return !request.segments.empty() && is_user_facing(request.segments[0]);
}

// chttpd_auth_request: in system databases the lists show what documents would hide. The users
// database is one of them, whatever it is called.
bool lists_system_database(const Request& request, const Services& services) {
    if (request.segments.size() < 2) return false;
    if (request.segments[1] != "_all_docs" && request.segments[1] != "_changes") return false;
    return request.segments[0].starts_with('_') ||
           services.session_settings.rules()->holds_users(request.segments[0]);
}

// Replication documents hold their owners' credentials, which only a single document's own reply
// takes out: who is no admin of such a database reaches no list, index or function of it.
bool is_open_to_owners(const Route& route) {
    static constexpr std::string_view patterns[] = {
        "/{db}",           "/{db}/{doc}",       "/{db}/_design/{doc}",        "/{db}/_bulk_docs",
        "/{db}/_security", "/{db}/_revs_limit", "/{db}/_ensure_full_commit", "/{db}/_revs_diff",
        "/{db}/_local/{id...}"};
    return route.method != "COPY" && std::find(std::begin(patterns), std::end(patterns),
                                               route.pattern) != std::end(patterns);
}

// Shows and updates are given one document, which is judged by itself.
bool is_of_one(const Route& route) {
    return route.pattern.find("/_show") != std::string_view::npos ||
           route.pattern.find("/_update") != std::string_view::npos;
}

void require_server_admin(const Identity& who) {
    if (!who.server_admin()) throw Refused(Code::unauthorized, "You are not a server admin.");
}

LogLevel parse_level(std::string_view name) {
    static constexpr std::pair<std::string_view, LogLevel> names[] = {
        {"debug", LogLevel::debug},     {"info", LogLevel::info},
        {"notice", LogLevel::notice},   {"warning", LogLevel::warning},
        {"warn", LogLevel::warning},    {"error", LogLevel::error},
        {"err", LogLevel::error},       {"critical", LogLevel::critical},
        {"crit", LogLevel::critical},   {"none", LogLevel::none},
    };
    for (const auto& [known, level] : names) {
        if (known == name) return level;
    }
    return LogLevel::warning;
}

std::string_view sent_method(const Request& request) {
    return request.head ? std::string_view("HEAD") : std::string_view(request.method);
}

void log_request(const Call& call, int status) {
    if (log_level() > LogLevel::info) return;
    const auto& name = call.identity.name;
    log(LogLevel::info, fmt::format("{} {} {} {} {}", call.client_address,
                                    name.empty() ? "undefined" : name, sent_method(call.request),
                                    call.request.raw_path, status));
}

void record_access(const Call& call, int status) {
    auto event = audit_event(call, "access");
    event.ok = status < 400;
    event.action = sent_method(call.request);
    event.resource = call.request.raw_path;
    event.status = status;
    call.services.audit.record(std::move(event));
}

}  // namespace

/// The settings that every request looks at, read again when the configuration has changed.
struct Dispatcher::Rules {
    std::uint64_t version = 0;
    SignInRules sign_in;
    bool admin_only_all_dbs = true;
    LoginHints hints;
    TrustedProxies proxies;
    Limits limits;
    Cors cors;
    SecurityHeaders security_headers;
    RequestRules requests;
    VirtualHosts virtual_hosts;
    bool audit_documents = false;
    bool allow_jsonp = false;

    explicit Rules(const Config& config)
        : version(config.version()),
          sign_in(config),
          admin_only_all_dbs(config.get_bool("chttpd", "admin_only_all_dbs", true)),
          hints{config.get("chttpd", "WWW-Authenticate"),
                config.get("chttpd_auth", "authentication_redirect", "/_utils/session.html"),
                sign_in.require_valid_user},
          proxies(config.get("chttpd", "trusted_proxies")),
          limits(config),
          cors(config),
          security_headers(config),
          requests(config),
          virtual_hosts(config),
          audit_documents(config.get_bool("audit", "documents", false)),
          allow_jsonp(config.get_bool("chttpd", "allow_jsonp", false)) {
        set_log_level(parse_level(config.get("log", "level", "warning")));
    }
};

Dispatcher::Dispatcher(std::span<const Route> routes, Services& services)
    : services_(services), tree_(std::make_unique<RouteTree>(routes)) {
    rules_.store(std::make_shared<const Rules>(services.config));
    services_.answer_rewritten = [this](Request& request) { return answer_rewritten(request); };
}

Dispatcher::~Dispatcher() = default;

std::shared_ptr<const Dispatcher::Rules> Dispatcher::rules() {
    auto current = rules_.load();
    if (current->version == services_.config.version()) return current;
    current = std::make_shared<const Rules>(services_.config);
    rules_.store(current);
    return current;
}

Task<Response> Dispatcher::handle(Request& request) {
    const auto current = rules();
    current->requests.take_forwarded(request);
    current->virtual_hosts.apply(request);
    Call call{request, services_, {}, nullptr, {}, current->proxies.client_address(request)};
    request.secure = current->proxies.secure(request);
    Response response;
    if (auto preflight = current->cors.preflight(request)) {
        response = std::move(*preflight);
    } else {
        try {
            response = co_await serve(call, *current);
        } catch (...) {
            response = explain_failure(request);
        }
        renew_session(call, response);
        if (response.status == 429 && call.retry_after.count() > 0) {
            response.set("Retry-After", std::to_string(call.retry_after.count()));
        }
        current->limits.count_failure(services_.limiter, request, response, call.client_address);
        if (response.refused) complete_refusal(request, current->hints, response);
        if (current->allow_jsonp) wrap_in_callback(request, call.route, response);
        current->cors.complete(request, response);
    }
    current->security_headers.complete(request, response);
    current->requests.minimize(request, response);
    log_request(call, response.status);
    if (current->audit_documents && is_of_database(request)) record_access(call, response.status);
    co_return response;
}

// Within the answer to another request, which is completed as a whole.
Task<Response> Dispatcher::answer_rewritten(Request& request) {
    const auto current = rules();
    Call call{request, services_, {}, nullptr, {}, current->proxies.client_address(request)};
    Response response;
    try {
        response = co_await serve(call, *current);
    } catch (...) {
        response = explain_failure(request);
    }
    if (current->allow_jsonp) wrap_in_callback(request, call.route, response);
    co_return response;
}

void Dispatcher::complete(const Request& request, Response& response) {
    const auto current = rules();
    current->cors.complete(request, response);
    current->security_headers.complete(request, response);
}

Task<Response> Dispatcher::serve(Call& call, const Rules& rules) {
    auto& request = call.request;
    const auto valid_host = rules.requests.check_host(request);
    if (!valid_host) co_return refusal(valid_host.error());
    if (auto refused = rules.requests.check_length(request)) co_return std::move(*refused);
    rules.requests.decode_path(request);
    const auto wait = rules.limits.admit(services_.limiter, request, call.client_address);
    if (wait) {
        services_.metrics.rate_limited.fetch_add(1, std::memory_order_relaxed);
        co_return too_many_requests(*wait);
    }
    const auto known = co_await authenticate(call, rules.sign_in);
    if (!known) co_return refusal(known.error());
    const auto own = check_cross_site(request, call.identity, rules.cors);
    if (!own) co_return refusal(own.error());

    const auto* group = tree_->find(request.segments);
    if (group == nullptr) co_return refusal(Code::not_found);
    const auto* row = group->find(request.method);
    call.route = row;
    if (rules.allow_jsonp) {
        const auto named = check_callback(request);
        if (!named) co_return refusal(named.error());
    }
    RouteTree::take_values(*group, request.segments, call.path_values);
    authorize(call, *group->rows.front(), row, rules);
    if (row == nullptr) {
        if (const auto before = group->before_refusal()) co_await before(call);
        auto response = refusal(Code::method_not_allowed, "Only " + group->allow + " allowed");
        response.set("Allow", group->allow);
        co_return response;
    }
    co_return co_await row->handler(call);
}

// Opens the call's database, and throws `Refused` where the caller may not do this. A method that
// the path does not know (`row` is null) is judged like the path's first row, as CouchDB judges
// paths before methods.
void Dispatcher::authorize(Call& call, const Route& first, const Route* row,
                           const Rules& rules) const {
    const auto& who = call.identity;
    const auto& route = row != nullptr ? *row : first;
    const bool of_database = route.pattern.starts_with("/{db}");
    if (of_database) {
        const auto& name = call.path_values.front().second;
        if (!is_user_facing(name) || lists_system_database(call.request, services_)) {
            require_server_admin(who);
        }
        // System databases are closed by their `_security`, which is looked at first.
        const bool later = name.starts_with('_') && !route.no_database;
        if (route.access == Access::server_admin && !later) require_server_admin(who);
        if (route.no_database) return;
        call.database = services_.catalog.open(name);
        if (!call.database) throw Refused(Code::not_found, "Database does not exist.");
        if (who.server_admin()) return;
        const auto settings = call.database->settings();
        const auto& security = settings->security;
        auth::check_member(who, security).value();
        if (route.access == Access::server_admin) require_server_admin(who);
        // What runs on a design document would show what it reads.
        if (route.pattern.find("/_design/") != std::string_view::npos && !is_of_one(route) &&
            services_.session_settings.rules()->holds_users(name) &&
            !auth::is_database_admin(who, security)) {
            throw Refused(Code::forbidden,
                          "Only administrators can view design docs in the users database.");
        }
        if (replication::holds_replications(name) && !is_open_to_owners(route) &&
            !auth::is_database_admin(who, security)) {
            throw Refused(Code::forbidden,
                          "Only administrators can read lists of replication documents.");
        }
        if (route.access == Access::maintainer && !auth::is_database_admin(who, security)) {
            throw Refused(Code::unauthorized, "You are not a server or db admin.");
        }
        if (route.access == Access::database_admin && !auth::is_database_admin(who, security)) {
            const auto code = who.name.empty() ? Code::unauthorized : Code::forbidden;
            throw Refused(code, "You are not a db or server admin.");
        }
        return;
    }
    if (route.access == Access::server_admin ||
        (route.access == Access::database_lister && rules.admin_only_all_dbs)) {
        require_server_admin(who);
    }
    if (route.access == Access::metrics_reader && !who.server_admin() &&
        !who.has_role("_metrics")) {
        throw Refused(Code::unauthorized,
                      "You are not a server admin or read-only metrics user");
    }
}

// In a catch block: what was thrown, as an answer. What a client may not know goes to the log only.
Response Dispatcher::explain_failure(const Request& request) const {
    const auto logged = [&](Code code, std::string_view what) {
        log(LogLevel::error, fmt::format("{} {}: {}", request.method, request.raw_path, what));
        return refusal(code);
    };
    try {
        throw;
    } catch (const Refused& refused) {
        return refusal(refused.error());
    } catch (const storage::EngineFailure& failure) {
        return logged(failure.code(), failure.what());
    } catch (const CorruptBytes& failure) {
        return logged(Code::storage_failed, failure.what());
    } catch (const std::bad_alloc&) {
        return logged(Code::internal_error, "out of memory");
    } catch (const std::exception& failure) {
        return logged(Code::internal_error, failure.what());
    }
}

}  // namespace divan::server
