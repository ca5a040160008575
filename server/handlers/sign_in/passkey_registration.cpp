#include <fmt/format.h>

#include "auth/passkey_ceremonies.h"
#include "auth/webauthn/responses.h"
#include "server/handlers/json_body.h"
#include "server/handlers/sign_in/passkey_client.h"
#include "server/handlers/sign_in/passkey_options.h"
#include "server/handlers/sign_in/passkeys.h"
#include "server/new_account.h"
#include "storage/base/digest.h"

namespace divan::server {
namespace {

std::string registered_body(const auth::Account& account, const auth::Passkey& passkey,
                            const std::vector<std::string>& recovery) {
    std::string body = fmt::format(R"({{"ok":true,"name":{},"roles":)", json_string(account.name));
    append_json_strings(body, account.roles);
    body += fmt::format(R"(,"passkey":{{"id":"{}","label":{}}})", base64url_encode(passkey.id),
                        json_string(passkey.label));
    if (!recovery.empty()) {
        body += R"(,"recovery_codes":)";
        append_json_strings(body, recovery);
    }
    return body + '}';
}

// A passkey more for who is signed in is theirs only while they still are.
void check_still_signed_in(const Call& call, const auth::Ceremony& ceremony) {
    if (ceremony.new_account || ceremony.code || ceremony.user == call.identity.name) return;
    throw Refused(Code::unauthorized, "You are signed out, or somebody else is signed in.");
}

// Makes the account, where it is a new one, and keeps its passkey; all of it or nothing. Returns
// the recovery codes of a new account.
Task<Result<std::vector<std::string>>> keep_registration(Call& call, const auth::NewPasskey& made) {
    auto& services = call.services;
    const auto& ceremony = made.ceremony;
    std::optional<storage::Revision> document;
    if (ceremony.new_account) {
        const auto created = co_await create_user(services, ceremony.user, ceremony.roles);
        if (!created) co_return created.error();
        document = *created;
    }
    auto recovery = co_await services.on_storage([&] { return services.passkeys.keep(made); });
    if (!recovery && document) co_await remove_user(services, ceremony.user, *document);
    if (recovery && document) audit_account(call, "account_created", ceremony.user, {});
    co_return std::move(recovery);
}

}  // namespace

Task<Response> post_passkey_register_options(Call& call) {
    require_json_type(call.request);
    const auto body = co_await read_json_object(call);
    const auth::RegistrationRequest request{call.identity.name, optional_text(body, "name"),
                                            optional_text(body, "code")};
    const auto site = relying_party(call);
    auto& passkeys = call.services.passkeys;
    std::vector<auth::Passkey> existing;
    auto ceremony = co_await call.services.on_storage([&] {
        auto admitted = passkeys.admit_registration(request);
        if (admitted) existing = passkeys.passkeys().of_user(admitted->user);
        return admitted;
    });
    if (!ceremony) {
        audit_account(call, "passkey_registered", request.name.value_or(request.caller),
                      ceremony.error());
        co_return refusal(ceremony.error());
    }
    const auto display_name = one_line(optional_text(body, "display_name"), ceremony->user);
    auto response = private_json(200, {});
    const auto challenge = passkeys.challenges().give(*ceremony, ceremony_client(call, response),
                                                      passkeys.policy().timeout());
    response.body =
        creation_options(passkeys.policy(), site, *ceremony, display_name, challenge, existing) +
        '\n';
    co_return response;
}

Task<Response> post_passkey_register_verify(Call& call) {
    require_json_type(call.request);
    const auto body = co_await read_json_object(call);
    const auto* sent = body.find("response");
    const auto response =
        auth::webauthn::parse_registration_response(sent ? *sent : JsonValue()).value();
    const auto label = one_line(optional_text(body, "label"), "Passkey");
    const auto site = relying_party(call);
    const auto clients = ceremony_clients(call);
    auto& passkeys = call.services.passkeys;
    auto made = co_await call.services.on_storage(
        [&] { return passkeys.verify_registration(response, site, clients); });
    if (!made) co_return refusal(made.error());
    check_still_signed_in(call, made->ceremony);
    made->passkey.label = label;

    const auto recovery = co_await keep_registration(call, *made);
    audit_account(call, "passkey_registered", made->ceremony.user, outcome_of(recovery), label);
    if (!recovery) co_return refusal(recovery.error());
    const auto account = call.services.accounts.find(made->ceremony.user);
    if (!account) co_return refusal(Code::forbidden, "The account was removed.");
    Response answer = private_json(201, {});
    if (made->ceremony.user != call.identity.name) {
        answer = co_await begin_session(call, *account, auth::SessionKind::passkey);
    }
    answer.status = 201;
    answer.body = registered_body(*account, made->passkey, *recovery) + '\n';
    co_return answer;
}

}  // namespace divan::server
