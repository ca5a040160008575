#pragma once

namespace divan {

/// The most that `write_json_escaped` writes.
inline constexpr int json_escaped_bytes_max = 6;

/// Writes a code point as UTF-8, and returns the end.
char* write_utf8(char* out, int code);

/// Writes a character of a string as jiffy does: `"`, `\` and control characters escaped.
char* write_json_escaped(char* out, int code);

/// Reads what follows a backslash, a pair of surrogates as one code point. False where it is no
/// escape, or is half of a pair.
bool read_json_escape(const char*& from, const char* end, int& code);

}  // namespace divan
