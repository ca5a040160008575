#include "storage/base/json_string.h"

#include <cstring>
#include <string_view>

namespace divan {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Four hexadecimal digits; negative where they are not.
int hex4(const char* from, const char* end) {
    if (end - from < 4) return -1;
    int value = 0;
    for (int i = 0; i < 4; ++i) {
        const int digit = hex_value(from[i]);
        if (digit < 0) return -1;
        value = value << 4 | digit;
    }
    return value;
}

bool is_high_surrogate(int code) {
    return code >= 0xd800 && code < 0xdc00;
}

bool is_low_surrogate(int code) {
    return code >= 0xdc00 && code < 0xe000;
}

bool read_code_point(const char*& from, const char* end, int& code) {
    code = hex4(from, end);
    if (code < 0 || is_low_surrogate(code)) return false;
    from += 4;
    if (!is_high_surrogate(code)) return true;
    if (end - from < 6 || from[0] != '\\' || from[1] != 'u') return false;
    const int low = hex4(from + 2, end);
    if (!is_low_surrogate(low)) return false;
    from += 6;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

}  // namespace

char* write_utf8(char* out, int code) {
    if (code < 0x80) {
        *out++ = static_cast<char>(code);
        return out;
    }
    if (code < 0x800) {
        *out++ = static_cast<char>(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *out++ = static_cast<char>(0xe0 | code >> 12);
        } else {
            *out++ = static_cast<char>(0xf0 | code >> 18);
            *out++ = static_cast<char>(0x80 | (code >> 12 & 0x3f));
        }
        *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
    }
    *out++ = static_cast<char>(0x80 | (code & 0x3f));
    return out;
}

char* write_json_escaped(char* out, int code) {
    const auto escaped = [&](char letter) {
        *out++ = '\\';
        *out++ = letter;
        return out;
    };
    switch (code) {
        case '"': return escaped('"');
        case '\\': return escaped('\\');
        case '\b': return escaped('b');
        case '\f': return escaped('f');
        case '\n': return escaped('n');
        case '\r': return escaped('r');
        case '\t': return escaped('t');
        default: break;
    }
    if (code >= 0x20) return write_utf8(out, code);
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::memcpy(out, "\\u00", 4);
    out[4] = digits[static_cast<std::size_t>(code >> 4)];
    out[5] = digits[static_cast<std::size_t>(code & 15)];
    return out + json_escaped_bytes_max;
}

bool read_json_escape(const char*& from, const char* end, int& code) {
    if (from == end) return false;
    switch (*from++) {
        case '"': code = '"'; return true;
        case '\\': code = '\\'; return true;
        case '/': code = '/'; return true;
        case 'b': code = '\b'; return true;
        case 'f': code = '\f'; return true;
        case 'n': code = '\n'; return true;
        case 'r': code = '\r'; return true;
        case 't': code = '\t'; return true;
        case 'u': return read_code_point(from, end, code);
        default: return false;
    }
}

}  // namespace divan
