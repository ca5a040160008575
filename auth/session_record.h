#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/bytes.h"

namespace divan::auth {

/// How somebody signed in. The number is part of records on the disk.
enum class SessionKind : std::uint8_t { password = 1, passkey = 2, token = 3, recovery = 4 };

/// "password", "passkey"…
std::string_view name_of(SessionKind kind);

/// A session as it is kept. Times are Unix seconds.
struct SessionRecord {
    std::string id;  ///< 24 characters of base64url: 18 random bytes.
    std::string user;
    SessionKind kind = SessionKind::password;
    std::int64_t created = 0;
    std::int64_t last_used = 0;  ///< Up to a minute behind.
    std::int64_t issued = 0;     ///< When its newest cookie or refresh token was made.
    std::string address;         ///< Of the client that signed in.
    std::string agent;           ///< Its User-Agent, the first 256 bytes of it.
    std::string stamp;           ///< `Account::stamp` at the start: another one ends the session.
};

inline constexpr std::size_t session_id_bytes = 18;
inline constexpr std::size_t session_id_characters = 24;

/// A fresh id.
std::string make_session_id();
/// Whether `text` has the form of one.
bool is_session_id(std::string_view text);

/// Keys and values of `RecordKind::session`; docs/DATA.md has the layout.
Bytes session_key(std::string_view user, std::string_view id);
/// What the keys of a user's sessions begin with.
Bytes session_key_prefix(std::string_view user);
Bytes encode_session(const SessionRecord& record);
/// Throws `CorruptBytes`.
SessionRecord decode_session(BytesView key, BytesView value);

}  // namespace divan::auth
