#include <fmt/format.h>

#include "auth/accounts.h"
#include "auth/tokens.h"
#include "server/audit_event.h"
#include "server/handlers/json_body.h"
#include "server/handlers/sign_in/session.h"

namespace divan::server {
namespace {

Response token_answer(const auth::TokenPair& pair) {
    auto response = json_response(
        200, fmt::format(R"({{"access_token":"{}","token_type":"Bearer","expires_in":{},)"
                         R"("refresh_token":"{}"}})"
                         "\n",
                         pair.access, pair.expires_in, pair.refresh));
    response.set("Cache-Control", "no-store");  // RFC 6749 section 5.1
    return response;
}

}  // namespace

Task<Response> post_session_token(Call& call) {
    const auto& who = call.identity;
    const auto& services = call.services;
    if (who.name.empty()) co_return refusal(Code::unauthorized, "You must be signed in.");
    // A token must not make others that outlive it; and whom a proxy or a foreign token names need
    // have no account here.
    if (who.authenticated_by != "cookie" && who.authenticated_by != "default") {
        co_return refusal(Code::forbidden, "Sign in with a password or a cookie to get tokens.");
    }
    const auto account = services.accounts.find(who.name);
    if (!account) co_return refusal(Code::unauthorized, "You must be signed in.");
    const auto* agent = call.request.header("user-agent");
    const auto pair = co_await services.on_storage([&] {
        return services.tokens.issue(*account, call.client_address,
                                     agent ? std::string_view(*agent) : std::string_view());
    });
    auto event = audit_event(call, "token_issued");
    event.resource = pair.session_id;
    services.audit.record(std::move(event));
    co_return token_answer(pair);
}

Task<Response> post_session_refresh(Call& call) {
    require_json_type(call.request);
    const auto body = co_await read_json_object(call);
    const auto* token = body.find("refresh_token");
    if (token == nullptr || !token->is_string()) {
        co_return refusal(Code::bad_request, "refresh_token must be a string");
    }
    const auto pair = co_await call.services.on_storage(
        [&] { return call.services.tokens.refresh(token->string()); });
    auto event = audit_event(call, "token_refreshed");
    event.ok = pair.has_value();
    if (pair.has_error()) {
        event.detail = pair.error().reason;
    } else {
        event.user = pair->user;
        event.resource = pair->session_id;
    }
    call.services.audit.record(std::move(event));
    if (pair.has_error()) co_return refusal(pair.error());
    co_return token_answer(*pair);
}

}  // namespace divan::server
