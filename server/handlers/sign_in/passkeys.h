#pragma once

#include "server/routes.h"

namespace divan::server {

// Accounts without passwords: WebAuthn ceremonies in JSON, one's passkeys, and the codes that open
// an account. docs/GUIDE-passkeys.md shows them at work.

Task<Response> get_passkey_policy(Call& call);

/// `{name?, display_name?, code?}` → PublicKeyCredentialCreationOptionsJSON.
Task<Response> post_passkey_register_options(Call& call);
/// `{response, label?}` → 201, the account, the passkey, of a new account its recovery codes. Who
/// was not signed in is then.
Task<Response> post_passkey_register_verify(Call& call);
/// `{name?}` → PublicKeyCredentialRequestOptionsJSON, of the same shape whether there is such a
/// user or not.
Task<Response> post_passkey_signin_options(Call& call);
/// `{response}` → as POST /_session.
Task<Response> post_passkey_signin_verify(Call& call);

// One's own, or for server admins those of `?user=`.
Task<Response> get_passkeys(Call& call);
Task<Response> put_passkey(Call& call);
Task<Response> delete_passkey(Call& call);

/// `{name?, roles?, expires_in?}` → 201, a code and a link that let their bearer in once.
Task<Response> post_passkey_invitation(Call& call);
/// Fresh recovery codes, in place of the old ones.
Task<Response> post_passkey_recovery(Call& call);
/// `{name, code}` → as POST /_session, with a session of the kind "recovery".
Task<Response> post_passkey_recover(Call& call);

}  // namespace divan::server
