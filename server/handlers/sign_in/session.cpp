#include "server/handlers/sign_in/session.h"

#include "auth/accounts.h"
#include "auth/sessions.h"
#include "server/audit_event.h"
#include "server/authenticate.h"
#include "server/config/config.h"
#include "server/handlers/documents/document_query.h"
#include "server/handlers/sign_in/session_cookie.h"
#include "server/handlers/sign_in/sign_in_form.h"
#include "server/password_sign_in.h"
#include "storage/base/json.h"

namespace divan::server {
namespace {

Error bad_request(std::string reason) {
    return Error{Code::bad_request, std::move(reason), {}};
}

// Where the parameter `name` leads: an address of this server, empty where it was not sent.
std::string redirect_of(const Call& call, std::string_view name) {
    const auto* path = first_parameter(call.request, name);
    if (path == nullptr) return {};
    if (!path->starts_with('/')) throw Refused(bad_request("path must begin with a /."));
    return absolute_uri(call.request, *path);
}

Response answer(int status, std::string body, std::string location) {
    auto response = json_response(location.empty() ? status : 302, std::move(body));
    if (!location.empty()) response.set("Location", std::move(location));
    return response;
}

Response wrong_credentials(const Call& call, const Error& error) {
    auto response =
        answer(401, R"({"error":"unauthorized","reason":)" + json_string(error.reason) + "}\n",
               redirect_of(call, "fail"));
    clear_session_cookie(response, call);
    return response;
}

std::string user_agent(const Request& request) {
    const auto* agent = request.header("user-agent");
    return agent == nullptr ? std::string() : *agent;
}

Response welcome(const Call& call, const auth::Account& account, const auth::Started& started) {
    auto response = answer(200, signed_in_body(account), redirect_of(call, "next"));
    add_session_cookie(response, call, started);
    return response;
}

}  // namespace

Task<Response> get_session(Call& call) {
    const auto& who = call.identity;
    const auto* basic = first_parameter(call.request, "basic");
    if (who.name.empty() && basic != nullptr && *basic == "true") {
        co_return refusal(Code::unauthorized, "Please login.");
    }
    std::string body = R"({"ok":true,"userCtx":{"name":)";
    body += who.name.empty() ? "null" : json_string(who.name);
    body += R"(,"roles":)";
    append_json_strings(body, who.roles);
    body += R"(},"info":{"authentication_handlers":)";
    append_json_strings(body, call.sign_in->names);
    if (!who.authenticated_by.empty()) {
        body += R"(,"authenticated":)" + json_string(who.authenticated_by);
    }
    if (const auto database = call.services.config.find("chttpd_auth", "authentication_db")) {
        body += R"(,"authentication_db":)" + json_string(*database);
    }
    co_return json_response(200, body + "}}\n");
}

Task<Response> post_session(Call& call) {
    const auto credentials = co_await read_sign_in(call);
    const auto account = co_await sign_in_by_password(call, credentials, "password");
    if (account.has_error()) {
        // couch_httpd_auth:verify_totp/2 throws: no cookie is taken back, so that whoever asks for
        // the code learns that it is the code which is missing.
        const auto& error = account.error();
        if (error.code != Code::unauthorized || error == auth::wrong_code()) {
            co_return refusal(error);
        }
        co_return wrong_credentials(call, account.error());
    }
    redirect_of(call, "next");  // refused before there is a session
    const auto agent = user_agent(call.request);
    const auto started = co_await call.services.on_storage([&] {
        return call.services.sessions.start(*account, auth::SessionKind::password,
                                            call.client_address, agent);
    });
    co_return welcome(call, *account, started);
}

Task<Response> delete_session(Call& call) {
    const auto& who = call.identity;
    auto response = answer(200, "{\"ok\":true}\n", redirect_of(call, "next"));
    clear_session_cookie(response, call);
    if (!who.name.empty()) call.services.audit.record(audit_event(call, "sign_out"));
    if (!who.session_id.empty()) {
        co_await call.services.on_storage(
            [&] { return call.services.sessions.revoke(who.name, who.session_id); });
    }
    co_return std::move(response);
}

}  // namespace divan::server
