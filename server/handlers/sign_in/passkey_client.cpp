#include "server/handlers/sign_in/passkey_client.h"

#include <algorithm>

#include <fmt/format.h>

#include "auth/passkey_ceremonies.h"
#include "server/audit_event.h"
#include "server/cookies.h"
#include "server/handlers/sign_in/session_cookie.h"
#include "storage/base/crypto.h"
#include "storage/base/digest.h"
#include "storage/base/random.h"

namespace divan::server {
namespace {

constexpr std::string_view cookie_name = "PasskeyCeremony";
constexpr std::size_t cookie_bytes = 32;

// The value that this server gave; one that has not its form is as good as none.
std::optional<std::string> sent_cookie(const Request& request) {
    const auto value = cookie_of(request, cookie_name);
    const auto bytes = base64url_decode(value);
    if (!bytes || bytes->size() != cookie_bytes) return std::nullopt;
    return std::string(value);
}

std::string of_session(const Call& call) {
    return "session " + call.identity.session_id;
}

}  // namespace

std::string ceremony_client(const Call& call, Response& response) {
    if (!call.identity.session_id.empty()) return of_session(call);
    auto value = sent_cookie(call.request);
    if (!value) value = base64url_encode(random_bytes(cookie_bytes));
    const auto lifetime = call.services.passkeys.policy().timeout();
    response.add("Set-Cookie",
                 fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", cookie_name,
                             *value, lifetime.count(), call.request.secure ? "; Secure" : ""));
    return "cookie " + *value;
}

std::vector<std::string> ceremony_clients(const Call& call) {
    std::vector<std::string> clients;
    if (!call.identity.session_id.empty()) clients.push_back(of_session(call));
    if (const auto value = sent_cookie(call.request)) clients.push_back("cookie " + *value);
    return clients;
}

auth::RequestedHost requested_host(const Request& request) {
    const auto* host = request.header("host");
    return {host != nullptr ? std::string_view(*host) : std::string_view(), request.secure};
}

auth::RelyingParty relying_party(const Call& call) {
    return call.services.passkeys.policy().relying_party(requested_host(call.request)).value();
}

std::optional<std::string> optional_text(const JsonValue& body, std::string_view member) {
    const auto* value = body.find(member);
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (!value->is_string()) {
        throw Refused(Code::bad_request, fmt::format("`{}` must be a string.", member));
    }
    return value->string();
}

std::string one_line(std::optional<std::string> text, std::string otherwise) {
    if (!text || text->empty()) return otherwise;
    const bool control = std::any_of(text->begin(), text->end(),
                                     [](char c) { return static_cast<unsigned char>(c) < ' '; });
    if (control || text->size() > auth::passkey_label_bytes_max) {
        throw Refused(Code::bad_request, "A label is one line of at most 128 bytes.");
    }
    return std::move(*text);
}

Response private_json(int status, std::string body) {
    auto response = json_response(status, std::move(body) + '\n');
    response.set("Cache-Control", "no-store");
    return response;
}

const std::string& signed_in_user(const Call& call) {
    if (!call.identity.name.empty()) return call.identity.name;
    throw Refused(Code::unauthorized, "Authentication required.");
}

void audit_account(const Call& call, std::string event, std::string_view user,
                   const Result<void>& outcome, std::string detail) {
    auto record = audit_event(call, std::move(event));
    if (record.user != user) record.actor = std::exchange(record.user, user);
    record.ok = outcome.has_value();
    record.detail = std::move(detail);
    if (!outcome) record.detail += (record.detail.empty() ? "" : ": ") + outcome.error().reason;
    call.services.audit.record(std::move(record));
}

Task<Response> begin_session(Call& call, const auth::Account& account, auth::SessionKind kind) {
    const auto* agent = call.request.header("user-agent");
    const auto started = co_await call.services.on_storage([&] {
        return call.services.sessions.start(account, kind, call.client_address,
                                            agent != nullptr ? *agent : std::string());
    });
    auto response = private_json(200, {});
    response.body = signed_in_body(account);
    add_session_cookie(response, call, started);
    co_return response;
}

}  // namespace divan::server
