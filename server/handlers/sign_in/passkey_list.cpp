#include <fmt/format.h>

#include "auth/passkey_ceremonies.h"
#include "server/handlers/json_body.h"
#include "server/handlers/sign_in/passkey_client.h"
#include "server/handlers/sign_in/passkeys.h"
#include "storage/base/crypto.h"
#include "storage/base/digest.h"

namespace divan::server {
namespace {

// Whose passkeys a call is about.
std::string owner(const Call& call) {
    const auto& caller = signed_in_user(call);
    const auto* user = call.parameter("user");
    if (user == nullptr || *user == caller) return caller;
    if (call.identity.server_admin()) return *user;
    throw Refused(Code::forbidden, "Passkeys of others are for server admins.");
}

Bytes credential_id(const Call& call) {
    return base64url_decode(call.path("id")).value_or(Bytes());
}

std::string passkey_body(const auth::Passkey& passkey) {
    std::string body = fmt::format(
        R"({{"id":"{}","label":{},"created":{},"last_used":{},"backed_up":{},"transports":)",
        base64url_encode(passkey.id), json_string(passkey.label), passkey.created,
        passkey.last_used == 0 ? "null" : std::to_string(passkey.last_used), passkey.backed_up);
    append_json_strings(body, passkey.transports);
    return body + '}';
}

std::string_view name_of(auth::RegistrationPolicy policy) {
    switch (policy) {
        case auth::RegistrationPolicy::open:
            return "open";
        case auth::RegistrationPolicy::invite:
            return "invite";
        case auth::RegistrationPolicy::closed:
            break;
    }
    return "closed";
}

Response no_such_passkey() {
    return refusal(Code::not_found, "There is no such passkey.");
}

// Without a password or codes the last passkey is the only way in.
bool is_only_way_in(Services& services, const std::string& user) {
    const auto account = services.accounts.find(user);
    return account && !account->has_password &&
           services.passkeys.codes().recovery_left(user) == 0 &&
           services.passkeys.passkeys().of_user(user).size() == 1;
}

}  // namespace

Task<Response> get_passkey_policy(Call& call) {
    const auto& policy = call.services.passkeys.policy();
    const auto site = policy.relying_party(requested_host(call.request));
    const std::string id = site ? json_string(site->id) : "null";
    const std::string name = json_string(site ? site->name : policy.site_name());
    co_return private_json(200, fmt::format(R"({{"registration":"{}","rp":{{"id":{},"name":{}}},)"
                                            R"("password_sign_in":true}})",
                                            name_of(policy.registration()), id, name));
}

Task<Response> get_passkeys(Call& call) {
    const auto user = owner(call);
    auto& passkeys = call.services.passkeys.passkeys();
    const auto listed = co_await call.services.on_storage([&] { return passkeys.of_user(user); });
    std::string body = R"({"passkeys":[)";
    for (const auto& passkey : listed) {
        if (body.back() != '[') body += ',';
        body += passkey_body(passkey);
    }
    co_return private_json(200, body + "]}");
}

Task<Response> put_passkey(Call& call) {
    const auto user = owner(call);
    require_json_type(call.request);
    const auto body = co_await read_json_object(call);
    auto label = one_line(optional_text(body, "label"), "Passkey");
    auto& passkeys = call.services.passkeys.passkeys();
    const auto renamed = co_await call.services.on_storage(
        [&] { return passkeys.rename(user, credential_id(call), label); });
    if (!renamed) co_return no_such_passkey();
    co_return private_json(200, passkey_body(*renamed));
}

Task<Response> delete_passkey(Call& call) {
    const auto user = owner(call);
    auto& services = call.services;
    const bool own = user == call.identity.name;
    bool kept = false;
    const bool removed = co_await services.on_storage([&] {
        kept = own && is_only_way_in(services, user);
        return !kept && services.passkeys.passkeys().remove(user, credential_id(call));
    });
    if (kept) {
        co_return refusal(Code::forbidden,
                          "It is the only way into your account: add another passkey or make "
                          "recovery codes first.");
    }
    if (!removed) co_return no_such_passkey();
    audit_account(call, "passkey_removed", user, {}, call.path("id"));
    co_return ok_response();
}

}  // namespace divan::server
