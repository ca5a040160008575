#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/session_rules.h"
#include "storage/base/error.h"

namespace divan::auth {

/// An `AuthSession` cookie that names a record: base64url of `name:HEXTIME:` + 18 bytes of id + 32
/// bytes of HMAC-SHA256 over all before it. CouchDB's form around it, so that who only looks for
/// the name finds it.
struct RecordCookie {
    std::string user;
    std::int64_t issued = 0;  ///< Unix seconds.
    std::string id;           ///< As in `SessionRecord`.
};

/// CouchDB's own cookie: base64url of `name:HEXTIME:hmac(secret + salt, "name:HEXTIME")`.
struct StatelessCookie {
    std::string user;
    std::string time;  ///< As sent.
    std::string proof;
};

std::string seal_cookie(const RecordCookie& cookie, std::string_view secret);
/// Base64url as CouchDB decodes cookies: bits left over are ignored. Empty where it is none.
std::optional<Bytes> decode_cookie(std::string_view value);
/// Empty unless one of `secrets` has sealed it.
std::optional<RecordCookie> open_cookie(BytesView decoded, const std::vector<std::string>& secrets);

std::string sign_stateless(std::string_view user, std::int64_t issued, std::string_view salt,
                           const SessionRules& rules);
/// Empty where it has not three parts.
std::optional<StatelessCookie> parse_stateless(BytesView decoded);
/// Its time as a number, empty where it is none (erlang:list_to_integer/2).
std::optional<std::int64_t> parse_cookie_time(std::string_view hex);
bool is_proven(const StatelessCookie& cookie, std::string_view salt, const SessionRules& rules);

}  // namespace divan::auth
