#include "server/handlers/databases/security.h"

#include "auth/permissions.h"
#include "auth/session_rules.h"
#include "server/audit_event.h"
#include "server/config/config.h"
#include "server/handlers/json_body.h"

namespace divan::server {
namespace {

// What the users database lets in decides who can read password hashes.
Result<void> check_editable(const Call& call) {
    const Config& config = call.services.config;
    const bool users = call.services.session_settings.rules()->holds_users(call.path("db"));
    const bool closed = config.get("couchdb", "users_db_security_editable", "false") == "false";
    if (!users || !closed) return {};
    return Error{Code::forbidden, "You can't edit the security object of the user database.", {}};
}

}  // namespace

Task<Response> get_security(Call& call) {
    const auto settings = call.db().settings();
    std::string text = settings->security;
    if (text.empty()) text = auth::default_security_json;
    co_return json_response(200, std::move(text) + '\n');
}

Task<Response> put_security(Call& call) {
    const auto editable = check_editable(call);
    if (editable.has_error()) co_return refusal(editable.error());
    const JsonValue body = co_await read_json(call);
    std::string text = body.dump();
    const auto judged = auth::validate_security(text);
    if (judged.has_error()) co_return refusal(judged.error());
    co_await call.services.on_storage([&] { call.db().set_security(std::move(text)); });
    auto event = audit_event(call, "security_changed");
    event.resource = "/" + call.path("db") + "/_security";
    call.services.audit.record(std::move(event));
    co_return ok_response();
}

}  // namespace divan::server
