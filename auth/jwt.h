#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/error.h"
#include "storage/base/identity.h"

namespace divan::auth {

/// What `[jwt_auth]` says of the claims of a token.
struct JwtClaims {
    /// `required_claims`: names, and `{name, "value"}` where the value must be just that.
    std::string required = "exp";
    std::string roles_name = "_couchdb.roles";  ///< `roles_claim_name`.
    /// `roles_claim_path`: names joined by ".", which a "\" before it keeps in a name.
    std::optional<std::string> roles_path;
};

/// Verifies JSON Web Tokens (RFC 7515, 7519) that others have signed, as CouchDB's jwtf does:
/// HS256/384/512, RS256/384/512, ES256/384/512, and EdDSA (RFC 8037).
///
/// Immutable: any thread. The family of a key decides which algorithms it may verify, whatever the
/// token says.
class JwtVerifier {
public:
    /// `[jwt_keys]`: "hmac:kid" (base64), "rsa:kid", "ec:kid", "eddsa:kid" (PEM, line ends may be
    /// written `\n`). The kid of tokens without one is "_default".
    using Keys = std::map<std::string, std::string, std::less<>>;

    JwtVerifier(const Keys& keys, const JwtClaims& claims);
    ~JwtVerifier();

    /// Whose token it is, "jwt" as the handler. Refuses with `bad_request` what is no token, is
    /// signed by a key unknown or wrong, or lacks a claim; with `unauthorized` what is not valid at
    /// `now` (Unix seconds) or names nobody.
    Result<Identity> verify(std::string_view token, std::int64_t now) const;

private:
    struct Rules;
    std::unique_ptr<const Rules> rules_;
};

}  // namespace divan::auth
