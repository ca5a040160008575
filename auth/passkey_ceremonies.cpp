#include "auth/passkey_ceremonies.h"

#include <algorithm>

#include "auth/webauthn/client_data.h"
#include "storage/base/crypto.h"
#include "storage/base/digest.h"

namespace divan::auth {
namespace {

// A key that nobody's passkey has: P-256's own generator. What it verifies is refused all the same;
// it is there so that an unknown credential costs what a known one does.
webauthn::CredentialState decoy_credential() {
    static const Bytes generator =
        hex_decode(
            "a5010203262001"
            "2158206b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
            "2258204fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
            .value();
    return {generator, 0, false};
}

Error not_accepted() {
    return {Code::unauthorized, "The passkey was not accepted.", {}};
}

bool is_admin(const Account& account) {
    return std::find(account.roles.begin(), account.roles.end(), "_admin") != account.roles.end();
}

Error bad_code() {
    return {Code::forbidden, "The code is not valid, was used, or has expired.", {}};
}

// The challenge that an answer is to, whether it is ours or not.
Bytes challenge_of(BytesView client_data) {
    const auto data = webauthn::parse_client_data(client_data);
    if (!data) return {};
    return base64url_decode(data->challenge).value_or(Bytes());
}

}  // namespace

CodeOwner owner_of(const Account& account) {
    return {account.name, is_admin(account)};
}

PasskeyCeremonies::PasskeyCeremonies(SystemStore& store, ReadSetting setting,
                                     FindAccount find_account, const Clock& clock)
    : store_(store),
      policy_(std::move(setting)),
      find_account_(std::move(find_account)),
      codes_(store, clock),
      passkeys_(store, clock),
      decoys_(store),
      challenges_(clock) {}

Result<Ceremony> PasskeyCeremonies::admit_registration(const RegistrationRequest& request) {
    if (request.code) return for_code(request, *request.code);
    if (!request.caller.empty() && (!request.name || *request.name == request.caller)) {
        if (!find_account_(request.caller)) {
            return Error{Code::forbidden, "Your account is not one of this server's.", {}};
        }
        return for_account(request.caller);
    }
    if (policy_.registration() != RegistrationPolicy::open) {
        return Error{Code::forbidden, "Accounts are made by invitation here.", {}};
    }
    return for_chosen_name(request, {});
}

Result<Ceremony> PasskeyCeremonies::for_code(const RegistrationRequest& request,
                                             const std::string& code) {
    const auto account = request.name ? find_account_(*request.name) : std::nullopt;
    if (account && codes_.is_recovery(owner_of(*account), code)) {
        auto ceremony = for_account(account->name);
        ceremony.code = AccountCodes::recovery_key(owner_of(*account), code);
        return ceremony;
    }
    const auto invitation = codes_.find_invitation(code);
    const bool for_anyone = invitation && invitation->name.empty();
    const bool other = invitation && !for_anyone && request.name && !request.name->empty() &&
                       *request.name != invitation->name;
    if (!invitation || other) return bad_code();
    if (for_anyone && policy_.registration() == RegistrationPolicy::closed) return bad_code();
    Result<Ceremony> ceremony = for_anyone ? for_chosen_name(request, invitation->roles)
                                : find_account_(invitation->name)
                                    ? Result<Ceremony>(for_account(invitation->name))
                                    : for_new_account(invitation->name, invitation->roles);
    if (ceremony) ceremony->code = AccountCodes::invitation_key(code);
    return ceremony;
}

Ceremony PasskeyCeremonies::for_account(std::string user) {
    Ceremony ceremony;
    ceremony.kind = Ceremony::Kind::registration;
    ceremony.user_handle = passkeys_.user_handle(user);
    ceremony.user = std::move(user);
    return ceremony;
}

Result<Ceremony> PasskeyCeremonies::for_chosen_name(const RegistrationRequest& request,
                                                    std::vector<std::string> roles) {
    if (!request.name) return Error{Code::bad_request, "Choose a user name.", {}};
    const auto checked = policy_.check_name(*request.name);
    if (!checked) return checked.error();
    return for_new_account(*request.name, std::move(roles));
}

Result<Ceremony> PasskeyCeremonies::for_new_account(const std::string& name,
                                                    std::vector<std::string> roles) {
    if (find_account_(name)) return Error{Code::conflict, "The name is taken.", {}};
    Ceremony ceremony;
    ceremony.kind = Ceremony::Kind::registration;
    ceremony.user = name;
    ceremony.new_account = true;
    ceremony.roles = std::move(roles);
    ceremony.user_handle = new_user_handle();
    return ceremony;
}

Result<Ceremony> PasskeyCeremonies::take(BytesView client_data, Ceremony::Kind kind,
                                         const std::vector<std::string>& clients) {
    auto ceremony = challenges_.take(challenge_of(client_data), kind, clients);
    if (ceremony) return std::move(*ceremony);
    return Error{Code::bad_request, "The challenge is not known, or too old: begin again.", {}};
}

webauthn::Expectation PasskeyCeremonies::expectation(BytesView client_data,
                                                     const RelyingParty& site) const {
    return {challenge_of(client_data), site.id, site.origins, site.top_origins,
            policy_.user_verification_required()};
}

Result<NewPasskey> PasskeyCeremonies::verify_registration(
    const webauthn::RegistrationResponse& response, const RelyingParty& site,
    const std::vector<std::string>& clients) {
    auto ceremony = take(response.client_data_json, Ceremony::Kind::registration, clients);
    if (!ceremony) return ceremony.error();
    auto verified =
        webauthn::verify_registration(response, expectation(response.client_data_json, site));
    if (!verified) return verified.error();
    NewPasskey made{{}, std::move(*ceremony)};
    auto& passkey = made.passkey;
    passkey.id = std::move(verified->credential_id);
    passkey.user = made.ceremony.user;
    passkey.public_key = std::move(verified->public_key);
    passkey.sign_count = verified->sign_count;
    passkey.backup_eligible = verified->backup_eligible;
    passkey.backed_up = verified->backed_up;
    passkey.user_verified = verified->user_verified;
    passkey.attestation = verified->attestation;
    passkey.aaguid = std::move(verified->aaguid);
    passkey.transports = response.transports;
    return made;
}

// An account that went meanwhile has taken its handle with it; who has its name now has another.
Result<void> PasskeyCeremonies::still_admitted(const Ceremony& ceremony) const {
    if (ceremony.code && !codes_.is_open(*ceremony.code)) return bad_code();
    const bool same =
        ceremony.new_account || passkeys_.find_user_handle(ceremony.user) == ceremony.user_handle;
    if (same && find_account_(ceremony.user)) return {};
    return Error{Code::forbidden, "The account was removed.", {}};
}

Result<std::vector<std::string>> PasskeyCeremonies::keep(const NewPasskey& made) {
    const auto& ceremony = made.ceremony;
    const auto held = store_.hold();
    if (auto admitted = still_admitted(ceremony); !admitted) return admitted.error();
    auto passkey = made.passkey;
    passkey.of_admin = is_admin(*find_account_(ceremony.user));
    storage::Batch batch;
    std::vector<std::string> recovery;
    if (ceremony.new_account) {
        forget(ceremony.user, batch);  // of an admin who once had the name, say
        recovery = codes_.renew_recovery({ceremony.user, false}, batch);
    }
    if (ceremony.code) AccountCodes::close(*ceremony.code, batch);
    const auto added = passkeys_.add(std::move(passkey), ceremony.user_handle, batch);
    if (!added) return added.error();
    store_.commit(batch);
    return recovery;
}

std::vector<Passkey> PasskeyCeremonies::offered(std::string_view name) const {
    auto decoys = decoys_.of_user(name);
    auto real = passkeys_.of_user(name);
    return real.empty() || !find_account_(name) ? std::move(decoys) : std::move(real);
}

bool PasskeyCeremonies::may_use(const Passkey& passkey, const Ceremony& ceremony,
                                const webauthn::AuthenticationResponse& response) const {
    if (!ceremony.user.empty() && ceremony.user != passkey.user) return false;
    const auto handle = passkeys_.find_user_handle(passkey.user);
    return !response.user_handle || response.user_handle == handle;
}

Result<SignIn> PasskeyCeremonies::verify_sign_in(const webauthn::AuthenticationResponse& response,
                                                 const RelyingParty& site,
                                                 const std::vector<std::string>& clients) {
    const auto ceremony = take(response.client_data_json, Ceremony::Kind::sign_in, clients);
    if (!ceremony) return ceremony.error();
    if (ceremony->user.empty() && !response.user_handle) {
        return Error{Code::bad_request, "userHandle is missing or wrong.", {}};
    }
    const auto data =
        webauthn::check_assertion(response, expectation(response.client_data_json, site));
    if (!data) return data.error();

    const auto passkey = passkeys_.find(response.credential_id);
    const bool usable = passkey && may_use(*passkey, *ceremony, response);
    const auto credential =
        usable ? webauthn::CredentialState{passkey->public_key, passkey->sign_count,
                                           passkey->backup_eligible}
               : decoy_credential();
    const auto verified = webauthn::verify_assertion(response, *data, credential);
    auto account = usable ? find_account_(passkey->user) : std::nullopt;
    if (!account || is_admin(*account) != passkey->of_admin) return not_accepted();
    if (!verified) return verified.error();
    const auto used = passkeys_.used(passkey->id, *verified);
    if (!used) return used.error();
    return SignIn{std::move(*account), passkey->id};
}

void PasskeyCeremonies::forget(std::string_view user, storage::Batch& batch) const {
    passkeys_.forget(user, batch);
    codes_.forget(user, batch);
}

}  // namespace divan::auth
