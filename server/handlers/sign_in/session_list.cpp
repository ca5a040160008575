#include <fmt/format.h>

#include "auth/sessions.h"
#include "server/audit_event.h"
#include "server/handlers/documents/document_query.h"
#include "server/handlers/sign_in/session.h"
#include "storage/base/json.h"

namespace divan::server {
namespace {

// Whose sessions are meant: the caller's own, or those of `?user=`, which is for server admins.
std::string user_meant(const Call& call) {
    const auto& who = call.identity;
    if (who.name.empty()) throw Refused(Code::unauthorized, "You must be signed in.");
    const auto* user = first_parameter(call.request, "user");
    if (user == nullptr || *user == who.name) return who.name;
    if (!who.server_admin()) throw Refused(Code::forbidden, "You are not a server admin.");
    return *user;
}

std::string listed(const auth::SessionRecord& session, const Identity& who) {
    return fmt::format(
        R"({{"id":"{}","user":{},"created":{},"last_used":{},"address":{},"agent":{},)"
        R"("kind":"{}","current":{}}})",
        session.id, json_string(session.user), session.created, session.last_used,
        json_string(session.address), json_string(session.agent), auth::name_of(session.kind),
        session.id == who.session_id);
}

void record_revocation(const Call& call, const std::string& user, std::string resource) {
    auto event = audit_event(call, "session_revoked");
    event.user = user;
    if (user != call.identity.name) event.actor = call.identity.name;
    event.resource = std::move(resource);
    call.services.audit.record(std::move(event));
}

}  // namespace

Task<Response> get_session_list(Call& call) {
    const auto user = user_meant(call);
    const auto sessions =
        co_await call.services.on_storage([&] { return call.services.sessions.list(user); });
    std::string body;
    for (const auto& session : sessions) {
        if (!body.empty()) body += ',';
        body += listed(session, call.identity);
    }
    co_return json_response(200, R"({"sessions":[)" + body + "]}\n");
}

Task<Response> delete_session_list(Call& call) {
    const auto user = user_meant(call);
    const auto count = co_await call.services.on_storage(
        [&] { return call.services.sessions.revoke_all(user, call.identity.session_id); });
    record_revocation(call, user, "all but the current one");
    co_return json_response(200, fmt::format("{{\"ok\":true,\"revoked\":{}}}\n", count));
}

Task<Response> delete_listed_session(Call& call) {
    const auto user = user_meant(call);
    const auto& id = call.path("id");
    const bool revoked =
        co_await call.services.on_storage([&] { return call.services.sessions.revoke(user, id); });
    if (!revoked) co_return refusal(Code::not_found, "missing");
    record_revocation(call, user, id);
    co_return ok_response();
}

}  // namespace divan::server
