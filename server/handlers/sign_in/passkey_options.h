#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/challenges.h"
#include "auth/passkey_policy.h"
#include "auth/passkeys.h"

namespace divan::server {

/// PublicKeyCredentialCreationOptionsJSON (WebAuthn section 5.1.9). `existing` are the passkeys
/// that the user has: an authenticator with one of them makes no second one.
std::string creation_options(const auth::PasskeyPolicy& policy, const auth::RelyingParty& site,
                             const auth::Ceremony& ceremony, std::string_view display_name,
                             BytesView challenge, const std::vector<auth::Passkey>& existing);

/// PublicKeyCredentialRequestOptionsJSON (WebAuthn section 5.1.10).
std::string request_options(const auth::PasskeyPolicy& policy, const auth::RelyingParty& site,
                            BytesView challenge, const std::vector<auth::Passkey>& allowed);

}  // namespace divan::server
