#include "server/authenticate.h"

#include <fmt/format.h>

#include <algorithm>

#include "auth/accounts.h"
#include "server/config/config.h"
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
};

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

Task<Result<void>> try_basic(Call& call) {
    const auto sent = auth::parse_basic(call.request.header("authorization"));
    if (!sent) co_return sent.error();
    if (!*sent) co_return Result<void>();
    const auto& credentials = **sent;
    auto& accounts = call.services.accounts;
    const auto& address = call.client_address;
    auto account = accounts.remembered(credentials, address);
    if (!account) {
        auto verified = co_await call.services.on_storage(
            [&] { return accounts.verify(credentials, address); });
        if (!verified) co_return verified.error();
        account = std::move(*verified);
    }
    call.identity = account->identity("default");
    co_return Result<void>();
}

}  // namespace

SignInRules::SignInRules(const Config& config)
    : ways(parse_handlers(config.get("chttpd", "authentication_handlers", default_handlers))),
      require_valid_user(config.get_bool("chttpd", "require_valid_user", false)),
      require_valid_user_except_for_up(
          config.get_bool("chttpd", "require_valid_user_except_for_up", false)) {}

bool SignInRules::need_login(const Request& request) const {
    const bool single = request.segments.size() == 1;
    if (single && request.segments[0] == "_session" && request.method == "POST") return false;
    // The pages to sign in on, which have nothing of anybody's.
    if (!request.segments.empty() && request.segments[0] == "_account") return false;
    if (single && request.segments[0] == "_up") {
        return require_valid_user && !require_valid_user_except_for_up;
    }
    return require_valid_user || require_valid_user_except_for_up;
}

std::string_view name_of(SignIn way) {
    const auto known = std::find_if(std::begin(known_ways), std::end(known_ways),
                                    [&](const Way& row) { return row.way == way; });
    return known->name;
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
    for (const auto way : rules.ways) {
        if (way != SignIn::basic) continue;
        auto tried = co_await try_basic(call);
        if (!tried) co_return tried.error();
        if (!call.identity.authenticated_by.empty()) co_return Result<void>();
    }
    if (rules.need_login(call.request)) {
        co_return Error{Code::unauthorized, "Authentication required.", {}};
    }
    co_return Result<void>();
}

}  // namespace divan::server
