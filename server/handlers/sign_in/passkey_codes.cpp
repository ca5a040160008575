#include <fmt/format.h>

#include "auth/passkey_ceremonies.h"
#include "server/handlers/json_body.h"
#include "server/handlers/sign_in/passkey_client.h"
#include "server/handlers/sign_in/passkeys.h"

namespace divan::server {
namespace {

constexpr std::size_t roles_max = 64;
constexpr std::int64_t expires_in_min = 60;
constexpr std::int64_t expires_in_max = std::int64_t{366} * 24 * 60 * 60;

// Roles of the system ("_admin") are no gift.
std::vector<std::string> invited_roles(const JsonValue& body) {
    std::vector<std::string> roles;
    const auto* listed = body.find("roles");
    if (listed == nullptr) return roles;
    bool good = listed->is_array() && listed->items().size() <= roles_max;
    for (const auto& role : listed->items()) {
        good = good && role.is_string() && !role.string().empty() && role.string()[0] != '_';
        if (good) roles.push_back(role.string());
    }
    if (good) return roles;
    throw Refused(Code::bad_request, "`roles` are strings that do not start with \"_\".");
}

std::int64_t invited_seconds(const JsonValue& body, const auth::PasskeyPolicy& policy) {
    const auto* asked = body.find("expires_in");
    if (asked == nullptr) return policy.invitation_lifetime().count();
    const auto seconds = asked->integer();
    if (seconds && *seconds >= expires_in_min && *seconds <= expires_in_max) return *seconds;
    throw Refused(Code::bad_request, "`expires_in` is seconds, from 60 to those of a year.");
}

Result<void> check_invitation(Services& services, const auth::Invitation& invitation) {
    const bool closed =
        services.passkeys.policy().registration() == auth::RegistrationPolicy::closed;
    if (invitation.name.empty()) {
        if (!closed) return {};
        return Error{Code::bad_request,
                     "With [passkeys] registration = closed an invitation names its account.",
                     {}};
    }
    if (auto checked = auth::check_user_name(invitation.name); !checked) return checked;
    if (invitation.roles.empty() || !services.accounts.find(invitation.name)) return {};
    return Error{Code::bad_request, "`roles` are for new accounts; this one exists.", {}};
}

Response codes_response(const std::vector<std::string>& codes) {
    std::string body = R"({"recovery_codes":)";
    append_json_strings(body, codes);
    return private_json(200, body + '}');
}

}  // namespace

Task<Response> post_passkey_invitation(Call& call) {
    require_json_type(call.request);
    const auto body = co_await read_json_object(call);
    auto& services = call.services;
    auto& passkeys = services.passkeys;
    const auto name = optional_text(body, "name").value_or("");
    auth::Invitation invitation{name, invited_roles(body), call.identity.name, 0};
    const auto seconds = invited_seconds(body, passkeys.policy());
    const auto issued = co_await services.on_storage([&]() -> Result<auth::AccountCodes::Issued> {
        const auto checked = check_invitation(services, invitation);
        if (!checked) return checked.error();
        return passkeys.codes().invite(std::move(invitation), seconds);
    });
    if (!issued) co_return refusal(issued.error());
    audit_account(call, "invitation_made", name, {});
    const auto url = absolute_uri(call.request, "/_account#code=" + issued->code);
    co_return private_json(201, fmt::format(R"({{"code":"{}","url":{},"expires":{}}})",
                                            issued->code, json_string(url), issued->expires));
}

Task<Response> post_passkey_recovery(Call& call) {
    require_json_type(call.request);
    const auto& user = signed_in_user(call);
    auto& services = call.services;
    const auto account = services.accounts.find(user);
    if (!account) co_return refusal(Code::forbidden, "Your account is not one of this server's.");
    const auto codes = co_await services.on_storage(
        [&] { return services.passkeys.codes().renew_recovery(auth::owner_of(*account)); });
    audit_account(call, "recovery_codes_made", user, {});
    co_return codes_response(codes);
}

Task<Response> post_passkey_recover(Call& call) {
    require_json_type(call.request);
    const auto body = co_await read_json_object(call);
    const auto name = optional_text(body, "name").value_or("");
    const auto code = optional_text(body, "code").value_or("");
    auto& services = call.services;
    const auto account = co_await services.on_storage([&]() -> std::optional<auth::Account> {
        auto found = services.accounts.find(name);
        const auto owner = found ? auth::owner_of(*found) : auth::CodeOwner{name, false};
        const bool right = services.passkeys.codes().use_recovery(owner, code);
        if (!right) found.reset();
        return found;
    });
    const Error wrong{Code::unauthorized, "Name or code is incorrect.", {}};
    audit_account(call, "sign_in", name, account ? Result<void>() : Result<void>(wrong),
                  "recovery code");
    if (!account) co_return refusal(wrong);
    co_return co_await begin_session(call, *account, auth::SessionKind::recovery);
}

}  // namespace divan::server
