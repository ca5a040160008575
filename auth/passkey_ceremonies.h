#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "auth/account_codes.h"
#include "auth/accounts.h"
#include "auth/challenges.h"
#include "auth/passkey_policy.h"
#include "auth/passkeys.h"

namespace divan::auth {

/// Who wants to register a passkey, and for whom.
struct RegistrationRequest {
    std::string caller;               ///< Who is signed in; empty where nobody is.
    std::optional<std::string> name;  ///< Whose passkey it shall be, where that is said.
    std::optional<std::string> code;  ///< Of an invitation, or a recovery code.
};

/// A passkey that was verified and not kept yet.
struct NewPasskey {
    Passkey passkey;
    Ceremony ceremony;
};

/// A sign-in that was verified.
struct SignIn {
    Account account;
    Bytes credential_id;
};

/// Whose recovery codes are those of the account. A view into it.
CodeOwner owner_of(const Account& account);

/// Passkeys at work: who may register one, whether an answer is right, and what is kept of it. Any
/// thread; all but `relying_party` may read the engine, and what writes is synced: for a pool.
class PasskeyCeremonies {
public:
    using FindAccount = std::function<std::optional<Account>(std::string_view name)>;

    /// `store` and `clock` outlive this. `find_account` is `Accounts::find`.
    PasskeyCeremonies(SystemStore& store, ReadSetting setting, FindAccount find_account,
                      const Clock& clock);

    const PasskeyPolicy& policy() const { return policy_; }
    Passkeys& passkeys() { return passkeys_; }
    AccountCodes& codes() { return codes_; }
    Challenges& challenges() { return challenges_; }

    /// What a registration is for: a passkey more for who is signed in, one for the account that a
    /// code opens, or a new account, by the policy. Refuses with `forbidden` where it is for
    /// nobody, with `conflict` where a new account's name is taken: a name that exists is never
    /// given to who does not prove that it is theirs.
    Result<Ceremony> admit_registration(const RegistrationRequest& request);
    /// Takes an answer's challenge, and verifies the answer. Refuses with `bad_request`.
    Result<NewPasskey> verify_registration(const webauthn::RegistrationResponse& response,
                                           const RelyingParty& site,
                                           const std::vector<std::string>& clients);
    /// Keeps the passkey, and of a new account (which exists by now) recovery codes, which are
    /// returned. Refuses as `Passkeys::add` does, and with `forbidden` where the code was used, or
    /// the account went or became another's meanwhile.
    Result<std::vector<std::string>> keep(const NewPasskey& made);

    /// The passkeys that a sign-in as `name` may use; for a name that has none, some that look
    /// like them.
    std::vector<Passkey> offered(std::string_view name) const;
    /// Takes an answer's challenge, verifies the answer and notes the passkey's use. Refuses with
    /// `bad_request` what is wrong whoever asks; everything else with the same `unauthorized`,
    /// after the same work. Only who has the key hears more, with `forbidden`: that its counter
    /// went back, say.
    Result<SignIn> verify_sign_in(const webauthn::AuthenticationResponse& response,
                                  const RelyingParty& site,
                                  const std::vector<std::string>& clients);

    /// Adds the end of all that is the user's here to `batch`.
    void forget(std::string_view user, storage::Batch& batch) const;

private:
    Result<Ceremony> for_code(const RegistrationRequest& request, const std::string& code);
    Result<Ceremony> for_chosen_name(const RegistrationRequest& request,
                                     std::vector<std::string> roles);
    Result<Ceremony> for_new_account(const std::string& name, std::vector<std::string> roles);
    Ceremony for_account(std::string user);
    Result<Ceremony> take(BytesView client_data, Ceremony::Kind kind,
                          const std::vector<std::string>& clients);
    webauthn::Expectation expectation(BytesView client_data, const RelyingParty& site) const;
    bool may_use(const Passkey& passkey, const Ceremony& ceremony,
                 const webauthn::AuthenticationResponse& response) const;

    Result<void> still_admitted(const Ceremony& ceremony) const;

    SystemStore& store_;
    const PasskeyPolicy policy_;
    const FindAccount find_account_;
    AccountCodes codes_;
    Passkeys passkeys_;
    DecoyPasskeys decoys_;
    Challenges challenges_;
};

}  // namespace divan::auth
