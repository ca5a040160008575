#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/request.h"
#include "server/http/response.h"
#include "server/services.h"
#include "storage/base/identity.h"

namespace divan::server {

struct SignInRules;

/// Who may call a route. Dispatch checks it before the handler runs.
enum class Access : std::uint8_t {
    anyone,          ///< Even without a login where `require_valid_user` is set (`/_session`).
    user,            ///< Anyone, or with `require_valid_user` anyone with a login.
    member,          ///< May read the database of `{db}`: its `_security` members, or everyone.
    database_admin,  ///< Its `_security` admins; a member is refused with 403.
    maintainer,      ///< The same people; others get the 401 that `_compact` gives.
    metrics_reader,  ///< Server admins and the role `_metrics`.
    database_lister, ///< Server admins; anyone where `[chttpd] admin_only_all_dbs` is false.
    server_admin,
};

/// One request on its way through a handler.
struct Call {
    Request& request;
    Services& services;
    Identity identity;
    std::shared_ptr<storage::Database> database;  ///< Of routes with `{db}`, unless `no_database`.
    /// What the pattern's names matched, percent-decoded, in the order of the pattern.
    std::vector<std::pair<std::string_view, std::string>> path_values;
    /// Who asks, as `Request::peer_address`; behind `[chttpd] trusted_proxies` their client.
    std::string client_address = {};
    const SignInRules* sign_in = nullptr;  ///< What authenticated it: never null in a handler.
    std::chrono::seconds retry_after{0};  ///< Of a 429, for its Retry-After; 0 for none.
    std::string renewed_cookie = {};  ///< A newer session cookie for the answer; empty for none.
    const struct Route* route = nullptr;  ///< The row that answers; null before one was found.

    /// The value of `{name}`; a bug where the pattern has none.
    const std::string& path(std::string_view name) const;
    const std::string* parameter(std::string_view name) const { return request.parameter(name); }
    storage::Database& db() const { return *database; }
};

using Handler = Task<Response> (*)(Call&);

/// A row with this method answers all of them.
inline constexpr std::string_view any_method = "*";

/// One address the server answers. `{name}` matches one segment, `{name...}` one or more (joined by
/// "/"), both read back with `Call::path`. HEAD is served by the GET row. A known path without a
/// row for the method answers 405 with the rows' methods in Allow. Where it has a row without a
/// method, that row's handler is asked first (null: none): what it throws goes before the 405, and
/// what it returns means nothing.
struct Route {
    std::string_view method;
    std::string_view pattern;
    Access access;
    Handler handler;
    bool no_database = false;  ///< Do not open `{db}` before the handler runs (PUT /{db}).
};

std::span<const Route> routes();

}  // namespace divan::server
