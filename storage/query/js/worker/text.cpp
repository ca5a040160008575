#include "storage/query/js/worker/text.h"

#include <js/JSON.h>
#include <js/String.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace divan::storage::js {
namespace {

constexpr std::uint32_t replacement = 0xFFFD;

bool is_ascii(BytesView bytes) {
    unsigned char seen = 0;
    for (const char byte : bytes) seen |= static_cast<unsigned char>(byte);
    return seen < 0x80;
}

void append_code_point(std::uint32_t point, Bytes& out) {
    const auto tail = [&](unsigned shift) {
        out.push_back(static_cast<char>(0x80 | ((point >> shift) & 0x3F)));
    };
    if (point < 0x80) {
        out.push_back(static_cast<char>(point));
    } else if (point < 0x800) {
        out.push_back(static_cast<char>(0xC0 | (point >> 6)));
        tail(0);
    } else if (point < 0x10000) {
        out.push_back(static_cast<char>(0xE0 | (point >> 12)));
        tail(6);
        tail(0);
    } else {
        out.push_back(static_cast<char>(0xF0 | (point >> 18)));
        tail(12);
        tail(6);
        tail(0);
    }
}

void append_utf16(const char16_t* units, std::size_t size, Bytes& out) {
    out.reserve(out.size() + size);
    for (std::size_t i = 0; i < size; ++i) {
        const std::uint32_t unit = units[i];
        if (unit < 0x80) {
            out.push_back(static_cast<char>(unit));
        } else if (unit < 0xD800 || unit > 0xDFFF) {
            append_code_point(unit, out);
        } else if (unit < 0xDC00 && i + 1 < size && (units[i + 1] & 0xFC00) == 0xDC00) {
            const std::uint32_t low = units[++i];
            append_code_point(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), out);
        } else {
            append_code_point(replacement, out);
        }
    }
}

bool append_written(const char16_t* units, std::uint32_t size, void* out) {
    append_utf16(units, size, *static_cast<Bytes*>(out));
    return true;
}

// The common case: Latin-1 text with nothing to escape. False where it is another.
bool append_plain(JSContext* cx, JSString* string, Bytes& out) {
    JSLinearString* linear = JS_EnsureLinearString(cx, string);
    if (linear == nullptr || !JS::LinearStringHasLatin1Chars(linear)) return false;
    const JS::AutoCheckCannotGC no_gc;
    const auto* chars = JS::GetLatin1LinearStringChars(no_gc, linear);
    const std::size_t size = JS::GetLinearStringLength(linear);
    const bool plain = std::all_of(chars, chars + size, [](JS::Latin1Char c) {
        return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
    });
    if (!plain) return false;
    out.push_back('"');
    out.append(reinterpret_cast<const char*>(chars), size);
    out.push_back('"');
    return true;
}

void append_integer(std::int32_t number, Bytes& out) {
    char digits[12];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, end);
}

}  // namespace

JSString* new_string(JSContext* cx, BytesView utf8) {
    if (is_ascii(utf8)) return JS_NewStringCopyN(cx, utf8.data(), utf8.size());
    return JS_NewStringCopyUTF8N(cx, JS::UTF8Chars(utf8.data(), utf8.size()));
}

bool parse_json(JSContext* cx, BytesView text, JS::MutableHandleValue value) {
    const JS::RootedString string(cx, new_string(cx, text));
    return string && JS_ParseJSON(cx, string, value);
}

std::size_t nesting(BytesView json) {
    std::size_t depth = 0;
    std::size_t deepest = 0;
    for (std::size_t i = 0; i < json.size(); ++i) {
        if (json[i] == '"') {
            for (++i; i < json.size() && json[i] != '"'; ++i) i += json[i] == '\\' ? 1 : 0;
        } else if (json[i] == '[' || json[i] == '{') {
            deepest = std::max(deepest, ++depth);
        } else if ((json[i] == ']' || json[i] == '}') && depth > 0) {
            --depth;
        }
    }
    return deepest;
}

bool append_json(JSContext* cx, JS::HandleValue value, Bytes& out) {
    if (value.isInt32()) {
        append_integer(value.toInt32(), out);
    } else if (value.isBoolean()) {
        out += value.toBoolean() ? "true" : "false";
    } else if (value.isNullOrUndefined() || value.isSymbol()) {
        out += "null";
    } else if (!value.isString() || !append_plain(cx, value.toString(), out)) {
        JS::RootedValue copy(cx, value);
        const std::size_t before = out.size();
        if (!JS_Stringify(cx, &copy, nullptr, JS::NullHandleValue, append_written, &out)) {
            return false;
        }
        if (out.size() == before) out += "null";
    }
    return true;
}

bool append_text(JSContext* cx, JS::HandleString text, Bytes& out) {
    JSLinearString* linear = JS_EnsureLinearString(cx, text);
    if (linear == nullptr) return false;
    const JS::AutoCheckCannotGC no_gc;
    const std::size_t size = JS::GetLinearStringLength(linear);
    if (JS::LinearStringHasLatin1Chars(linear)) {
        const auto* chars = JS::GetLatin1LinearStringChars(no_gc, linear);
        for (std::size_t i = 0; i < size; ++i) append_code_point(chars[i], out);
    } else {
        append_utf16(JS::GetTwoByteLinearStringChars(no_gc, linear), size, out);
    }
    return true;
}

}  // namespace divan::storage::js
