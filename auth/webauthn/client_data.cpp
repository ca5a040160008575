#include "auth/webauthn/client_data.h"

#include "storage/base/json.h"

namespace divan::auth::webauthn {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

Error bad(const char* reason) {
    return {Code::bad_request, reason, {}};
}

const std::string* text_of(const JsonValue& object, std::string_view key) {
    const auto* member = object.find(key);
    return member != nullptr && member->is_string() ? &member->string() : nullptr;
}

}  // namespace

Result<ClientData> parse_client_data(BytesView json) {
    if (json.starts_with(byte_order_mark)) json.remove_prefix(byte_order_mark.size());
    const auto parsed = parse_json(json);
    if (!parsed || !parsed->is_object()) return bad("The client data is no JSON object.");
    const auto* type = text_of(*parsed, "type");
    const auto* challenge = text_of(*parsed, "challenge");
    const auto* origin = text_of(*parsed, "origin");
    if (type == nullptr || challenge == nullptr || origin == nullptr) {
        return bad("The client data lacks its type, challenge or origin.");
    }
    ClientData data{*type, *challenge, *origin, false, std::nullopt};
    if (const auto* cross = parsed->find("crossOrigin")) {
        if (!cross->is_bool()) return bad("crossOrigin in the client data is no boolean.");
        data.cross_origin = cross->boolean();
    }
    if (parsed->find("topOrigin") != nullptr) {
        const auto* top = text_of(*parsed, "topOrigin");
        if (top == nullptr) return bad("topOrigin in the client data is no text.");
        data.top_origin = *top;
    }
    return data;
}

}  // namespace divan::auth::webauthn
