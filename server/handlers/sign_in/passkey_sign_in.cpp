#include "auth/passkey_ceremonies.h"
#include "auth/webauthn/responses.h"
#include "server/handlers/json_body.h"
#include "server/handlers/sign_in/passkey_client.h"
#include "server/handlers/sign_in/passkey_options.h"
#include "server/handlers/sign_in/passkeys.h"

namespace divan::server {

Task<Response> post_passkey_signin_options(Call& call) {
    require_json_type(call.request);
    const auto body = co_await read_json_object(call);
    auth::Ceremony ceremony;
    ceremony.user = optional_text(body, "name").value_or("");
    const auto site = relying_party(call);
    auto& passkeys = call.services.passkeys;
    const auto allowed = co_await call.services.on_storage([&] {
        return ceremony.user.empty() ? std::vector<auth::Passkey>()
                                     : passkeys.offered(ceremony.user);
    });
    auto response = private_json(200, {});
    const auto challenge = passkeys.challenges().give(
        std::move(ceremony), ceremony_client(call, response), passkeys.policy().timeout());
    response.body = request_options(passkeys.policy(), site, challenge, allowed) + '\n';
    co_return response;
}

Task<Response> post_passkey_signin_verify(Call& call) {
    require_json_type(call.request);
    const auto body = co_await read_json_object(call);
    const auto* sent = body.find("response");
    const auto response =
        auth::webauthn::parse_authentication_response(sent ? *sent : JsonValue()).value();
    const auto site = relying_party(call);
    const auto clients = ceremony_clients(call);
    auto& passkeys = call.services.passkeys;
    std::string claimed;
    const auto signed_in = co_await call.services.on_storage([&] {
        const auto passkey = passkeys.passkeys().find(response.credential_id);
        if (passkey) claimed = passkey->user;
        return passkeys.verify_sign_in(response, site, clients);
    });
    audit_account(call, "sign_in", claimed, outcome_of(signed_in), "passkey");
    if (!signed_in) co_return refusal(signed_in.error());
    co_return co_await begin_session(call, signed_in->account, auth::SessionKind::passkey);
}

}  // namespace divan::server
