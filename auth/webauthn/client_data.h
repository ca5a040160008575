#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/base/bytes.h"
#include "storage/base/error.h"

namespace divan::auth::webauthn {

/// What the browser says of a ceremony (WebAuthn section 5.8.1).
struct ClientData {
    std::string type;       ///< "webauthn.create" or "webauthn.get".
    std::string challenge;  ///< base64url
    std::string origin;
    bool cross_origin = false;  ///< In a frame of another origin.
    std::optional<std::string> top_origin;
};

/// Refuses with `bad_request` what is no UTF-8 JSON object with these members. A byte order mark is
/// passed over; further members are ignored, as the specification foresees them.
Result<ClientData> parse_client_data(BytesView json);

}  // namespace divan::auth::webauthn
