#include "server/handlers/sign_in/passkey_options.h"

#include <fmt/format.h>

#include "storage/base/digest.h"
#include "storage/base/json.h"

namespace divan::server {
namespace {

std::string descriptors(const std::vector<auth::Passkey>& passkeys) {
    std::string out = "[";
    for (const auto& passkey : passkeys) {
        if (out.size() > 1) out += ',';
        out += fmt::format(R"({{"id":"{}","type":"public-key","transports":)",
                           base64url_encode(passkey.id));
        append_json_strings(out, passkey.transports);
        out += '}';
    }
    return out + ']';
}

std::string algorithms() {
    std::string out = "[";
    for (const auto algorithm : auth::webauthn::offered_algorithms) {
        if (out.size() > 1) out += ',';
        out += fmt::format(R"({{"alg":{},"type":"public-key"}})",
                           static_cast<std::int32_t>(algorithm));
    }
    return out + ']';
}

// "challenge" and "timeout" (milliseconds), as both kinds of options have them.
std::string ceremony_members(const auth::PasskeyPolicy& policy, BytesView challenge) {
    return fmt::format(R"("challenge":"{}","timeout":{})", base64url_encode(challenge),
                       std::chrono::milliseconds(policy.timeout()).count());
}

}  // namespace

std::string creation_options(const auth::PasskeyPolicy& policy, const auth::RelyingParty& site,
                             const auth::Ceremony& ceremony, std::string_view display_name,
                             BytesView challenge, const std::vector<auth::Passkey>& existing) {
    return fmt::format(
        R"({{"rp":{{"name":{},"id":{}}},"user":{{"id":"{}","name":{},"displayName":{}}},{},)"
        R"("pubKeyCredParams":{},"excludeCredentials":{},"authenticatorSelection":{{)"
        R"("residentKey":"preferred","requireResidentKey":false,"userVerification":"{}"}},)"
        R"("attestation":"{}","extensions":{{"credProps":true}}}})",
        json_string(site.name), json_string(site.id), base64url_encode(ceremony.user_handle),
        json_string(ceremony.user), json_string(display_name), ceremony_members(policy, challenge),
        algorithms(), descriptors(existing), policy.user_verification(), policy.attestation());
}

std::string request_options(const auth::PasskeyPolicy& policy, const auth::RelyingParty& site,
                            BytesView challenge, const std::vector<auth::Passkey>& allowed) {
    return fmt::format(R"({{"rpId":{},{},"userVerification":"{}","allowCredentials":{}}})",
                       json_string(site.id), ceremony_members(policy, challenge),
                       policy.user_verification(), descriptors(allowed));
}

}  // namespace divan::server
