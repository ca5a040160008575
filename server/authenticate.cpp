#include "server/authenticate.h"

#include <fmt/format.h>

#include <algorithm>

#include "auth/accounts.h"
#include "auth/sessions.h"
#include "auth/tokens.h"
#include "server/config/config.h"
#include "server/cookies.h"
#include "server/password_sign_in.h"
#include "storage/base/log.h"

namespace divan::server {
namespace {

constexpr std::string_view default_handlers =
    "{chttpd_auth, cookie_authentication_handler}, {chttpd_auth, default_authentication_handler}";

struct Way {
    SignIn way;
    std::string_view name;
    std::string_view function;
};

// CouchDB shows a handler by its function's name up to the first "_" (chttpd:auth_handler_name/1).
constexpr Way known_ways[] = {
    {SignIn::cookie, "cookie",  "cookie_authentication_handler" },
    {SignIn::basic,  "default", "default_authentication_handler"},
    {SignIn::jwt,    "jwt",     "jwt_authentication_handler"    },
    {SignIn::proxy,  "proxy",   "proxy_authentication_handler"  },
    {SignIn::proxy,  "proxy",   "proxy_authentification_handler"}, // as CouchDB 1 spelled it
};

std::string_view name_of(SignIn way) {
    const auto known = std::find_if(std::begin(known_ways), std::end(known_ways),
                                    [&](const Way& row) { return row.way == way; });
    return known->name;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    const auto first = text.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

void add_way(std::vector<SignIn>& ways, std::string_view function) {
    const auto known = std::find_if(std::begin(known_ways), std::end(known_ways),
                                    [&](const Way& row) { return row.function == function; });
    if (known == std::end(known_ways)) {
        log(LogLevel::error,
            fmt::format("[chttpd] authentication_handlers: {} is not known: left out", function));
        return;
    }
    if (std::find(ways.begin(), ways.end(), known->way) == ways.end()) ways.push_back(known->way);
}

auth::JwtClaims jwt_claims(const Config& config) {
    auth::JwtClaims claims;
    claims.required = config.get("jwt_auth", "required_claims", claims.required);
    claims.roles_name = config.get("jwt_auth", "roles_claim_name", claims.roles_name);
    claims.roles_path = config.find("jwt_auth", "roles_claim_path");
    return claims;
}

/// An address that lets people in, and so is open to those who are not.
struct WayIn {
    std::string_view method;  ///< Empty: any.
    std::string_view first;   ///< The path's first segment.
    std::string_view second;  ///< Empty: there is none; "*": whatever follows.
};

// Besides POST /_session these are Divan's own.
constexpr WayIn ways_in[] = {
    {"POST", "_session", ""       },
    {"POST", "_session", "refresh"},
    {"",     "_account", "*"      },
    {"",     "_passkey", "*"      },
};

bool is_way_in(const Request& request) {
    const auto& path = request.segments;
    return std::any_of(std::begin(ways_in), std::end(ways_in), [&](const WayIn& row) {
        if (path.empty() || path[0] != row.first) return false;
        if (!row.method.empty() && row.method != request.method) return false;
        if (row.second == "*") return true;
        return row.second.empty() ? path.size() == 1 : path.size() == 2 && path[1] == row.second;
    });
}

/// Empty: this way knows nothing of the caller, the next one is asked.
using Found = Result<std::optional<Identity>>;

std::optional<std::string_view> bearer_token(const Request& request) {
    constexpr std::string_view scheme = "Bearer ";
    const auto* sent = request.header("authorization");
    if (sent == nullptr || !sent->starts_with(scheme)) return std::nullopt;
    return std::string_view(*sent).substr(scheme.size());
}

Identity identify(auth::Session session, std::string way) {
    auto who = session.account.identity(std::move(way));
    who.session_id = std::move(session.id);
    return who;
}

Found try_own_token(const Call& call, std::string_view token) {
    auto session = call.services.tokens.verify(token);
    if (!session) return session.error();
    return identify(std::move(*session), "jwt");
}

// Tokens of our own need no key in the configuration: they are sessions like those of cookies.
Found try_cookie(Call& call) {
    const auto token = bearer_token(call.request);
    if (token && auth::Tokens::is_ours(*token)) return try_own_token(call, *token);
    const auto cookie = cookie_of(call.request, session_cookie_name);
    if (cookie.empty()) return std::optional<Identity>();
    auto session = call.services.sessions.resume(cookie);
    if (!session) return session.error();
    if (!*session) return std::optional<Identity>();
    call.renewed_cookie = std::move((*session)->renewed);
    return identify(std::move(**session), "cookie");
}

Found try_jwt(const Call& call, const auth::JwtVerifier& verifier) {
    const auto token = bearer_token(call.request);
    if (!token) return std::optional<Identity>();
    if (auth::Tokens::is_ours(*token)) return try_own_token(call, *token);
    auto who = verifier.verify(*token, call.services.clock.unix_seconds());
    if (!who) return who.error();
    return std::move(*who);
}

Found try_proxy(const Call& call, const auth::ProxyHeaders& headers) {
    const auto header = [&](std::string_view name) { return call.request.header(name); };
    return headers.identify(header, *call.services.session_settings.rules());
}

Task<Found> try_basic(Call& call) {
    const auto sent = auth::parse_basic(call.request.header("authorization"));
    if (!sent) co_return sent.error();
    if (!*sent) co_return std::optional<Identity>();
    const auto& credentials = **sent;
    if (const auto known = call.services.accounts.remembered(credentials, call.client_address)) {
        co_return known->identity("default");
    }
    auto verified = co_await sign_in_by_password(call, credentials, "basic");
    if (!verified) co_return verified.error();
    co_return verified->identity("default");
}

}  // namespace

SignInRules::SignInRules(const Config& config)
    : ways(parse_handlers(config.get("chttpd", "authentication_handlers", default_handlers))),
      require_valid_user(config.get_bool("chttpd", "require_valid_user", false)),
      require_valid_user_except_for_up(
          config.get_bool("chttpd", "require_valid_user_except_for_up", false)),
      jwt(config.section("jwt_keys"), jwt_claims(config)),
      proxy(setting_reader(config)) {
    for (const auto way : ways) names.emplace_back(name_of(way));
}

bool SignInRules::need_login(const Request& request) const {
    if (request.segments.size() == 1 && request.segments[0] == "_up") {
        return require_valid_user && !require_valid_user_except_for_up;
    }
    return (require_valid_user || require_valid_user_except_for_up) && !is_way_in(request);
}

std::vector<SignIn> parse_handlers(std::string_view list) {
    std::vector<SignIn> ways;
    for (auto open = list.find('{'); open != std::string_view::npos; open = list.find('{', open)) {
        const auto close = list.find('}', open);
        if (close == std::string_view::npos) break;
        const auto tuple = list.substr(open + 1, close - open - 1);
        const auto comma = tuple.find(',');
        const auto function = comma == std::string_view::npos ? tuple : tuple.substr(comma + 1);
        add_way(ways, trim(function));
        open = close;
    }
    return ways;
}

Task<Result<void>> authenticate(Call& call, const SignInRules& rules) {
    call.sign_in = &rules;
    for (const auto way : rules.ways) {
        Found found = std::optional<Identity>();
        switch (way) {
            case SignIn::cookie:
                found = try_cookie(call);
                break;
            case SignIn::basic:
                found = co_await try_basic(call);
                break;
            case SignIn::jwt:
                found = try_jwt(call, rules.jwt);
                break;
            case SignIn::proxy:
                found = try_proxy(call, rules.proxy);
                break;
        }
        if (!found) co_return found.error();
        if (!*found) continue;
        call.identity = std::move(**found);
        co_return Result<void>();
    }
    if (rules.need_login(call.request)) {
        co_return Error{Code::unauthorized, "Authentication required.", {}};
    }
    co_return Result<void>();
}

void renew_session(const Call& call, Response& response) {
    if (call.renewed_cookie.empty() || response.header("Set-Cookie") != nullptr) return;
    const auto now = call.services.clock.unix_seconds();
    response.add("Set-Cookie",
                 session_set_cookie(call.renewed_cookie, call.services.config, call.request, now));
}

}  // namespace divan::server
