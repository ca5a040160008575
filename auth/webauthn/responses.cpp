#include "auth/webauthn/responses.h"

#include <algorithm>

#include <fmt/format.h>

#include "auth/webauthn/authenticator_data.h"
#include "storage/base/crypto.h"

namespace divan::auth::webauthn {
namespace {

constexpr std::size_t member_bytes_max = 64U << 10;
constexpr std::size_t user_handle_bytes_max = 64;  // WebAuthn section 4, "user handle"
constexpr std::size_t transports_max = 8;
constexpr std::size_t transport_bytes_max = 16;

Error bad(std::string_view member) {
    return {Code::bad_request, fmt::format("{} is missing or wrong.", member), {}};
}

// The bytes of a base64url member; throws `Refused`.
Bytes bytes_of(const JsonValue& object, std::string_view member,
               std::size_t bytes_max = member_bytes_max) {
    const auto* value = object.find(member);
    if (value == nullptr || !value->is_string() || value->string().size() > 2 * bytes_max) {
        throw Refused(bad(member));
    }
    auto bytes = base64url_decode(value->string());
    if (!bytes || bytes->empty() || bytes->size() > bytes_max) throw Refused(bad(member));
    return std::move(*bytes);
}

// What both kinds have around their own members: the credential's id, and `response`.
struct Envelope {
    Bytes credential_id;
    const JsonValue* response;
};

Envelope open_envelope(const JsonValue& json) {
    Envelope envelope{bytes_of(json, "id", credential_id_bytes_max), json.find("response")};
    if (const auto* raw = json.find("rawId")) {
        if (!raw->is_string() || raw->string() != json.find("id")->string()) {
            throw Refused(bad("rawId"));
        }
    }
    const auto* type = json.find("type");
    if (type == nullptr || !type->is_string() || type->string() != "public-key") {
        throw Refused(bad("type"));
    }
    if (envelope.response == nullptr || !envelope.response->is_object()) {
        throw Refused(bad("response"));
    }
    return envelope;
}

bool is_transport(const JsonValue& value) {
    const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; };
    return value.is_string() && !value.string().empty() &&
           value.string().size() <= transport_bytes_max &&
           std::all_of(value.string().begin(), value.string().end(), allowed);
}

// A hint for later sign-ins; names that are none are dropped, as unknown ones must be kept.
std::vector<std::string> transports_of(const JsonValue& response) {
    std::vector<std::string> transports;
    const auto* list = response.find("transports");
    if (list == nullptr) return transports;
    for (const auto& item : list->items()) {
        if (transports.size() == transports_max) break;
        if (is_transport(item)) transports.push_back(item.string());
    }
    return transports;
}

}  // namespace

Result<RegistrationResponse> parse_registration_response(const JsonValue& json) {
    try {
        auto envelope = open_envelope(json);
        return RegistrationResponse{
            std::move(envelope.credential_id), bytes_of(*envelope.response, "clientDataJSON"),
            bytes_of(*envelope.response, "attestationObject"), transports_of(*envelope.response)};
    } catch (const Refused& refused) {
        return refused.error();
    }
}

Result<AuthenticationResponse> parse_authentication_response(const JsonValue& json) {
    try {
        auto envelope = open_envelope(json);
        const auto& response = *envelope.response;
        AuthenticationResponse parsed{
            std::move(envelope.credential_id), bytes_of(response, "clientDataJSON"),
            bytes_of(response, "authenticatorData"), bytes_of(response, "signature"), std::nullopt};
        const auto* handle = response.find("userHandle");
        if (handle != nullptr && !handle->is_null()) {
            parsed.user_handle = bytes_of(response, "userHandle", user_handle_bytes_max);
        }
        return parsed;
    } catch (const Refused& refused) {
        return refused.error();
    }
}

}  // namespace divan::auth::webauthn
