#include "storage/query/json_text.h"

#include <cstring>

#include "storage/base/bytes.h"

namespace divan::storage {
namespace {

std::string_view skip_space(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() &&
           (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')) {
        ++at;
    }
    return text.substr(at);
}

/// The size of the string literal that `text` starts with, quotes included.
std::size_t string_size(std::string_view text) {
    std::size_t at = 1;
    while (at < text.size()) {
        const void* found = std::memchr(text.data() + at, '"', text.size() - at);
        if (found == nullptr) break;
        const auto quote = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
        std::size_t slashes = 0;
        while (quote - slashes > 1 && text[quote - slashes - 1] == '\\') ++slashes;
        if (slashes % 2 == 0) return quote + 1;
        at = quote + 1;
    }
    throw CorruptBytes();
}

std::size_t container_size(std::string_view text) {
    std::size_t depth = 0;
    for (std::size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (c == '"') {
            at += string_size(text.substr(at));
            continue;
        }
        if (c == '{' || c == '[') ++depth;
        if ((c == '}' || c == ']') && --depth == 0) return at + 1;
        ++at;
    }
    throw CorruptBytes();
}

std::size_t number_size(std::string_view text) {
    const auto end = text.find_first_not_of("0123456789+-.eE");
    return end == std::string_view::npos ? text.size() : end;
}

std::size_t literal_size(std::string_view text, std::string_view literal) {
    if (text.substr(0, literal.size()) != literal) throw CorruptBytes();
    return literal.size();
}

/// `text` starts with a value.
std::size_t value_size(std::string_view text) {
    if (text.empty()) throw CorruptBytes();
    switch (text.front()) {
        case '"': return string_size(text);
        case '{':
        case '[': return container_size(text);
        case 't': return literal_size(text, "true");
        case 'f': return literal_size(text, "false");
        case 'n': return literal_size(text, "null");
        default: return number_size(text);
    }
}

unsigned hex_unit(std::string_view text, std::size_t at) {
    if (at + 4 > text.size()) throw CorruptBytes();
    unsigned value = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
        const char c = text[i];
        value <<= 4;
        if (c >= '0' && c <= '9') value |= static_cast<unsigned>(c - '0');
        else if (c >= 'a' && c <= 'f') value |= static_cast<unsigned>(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F') value |= static_cast<unsigned>(c - 'A' + 10);
        else throw CorruptBytes();
    }
    return value;
}

void append_utf8(std::string& out, unsigned code) {
    const auto put = [&](unsigned byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | (code >> 6));
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | (code >> 12));
        put(0x80 | ((code >> 6) & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | (code >> 18));
        put(0x80 | ((code >> 12) & 0x3F));
        put(0x80 | ((code >> 6) & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

/// `inside` starts with what follows "\u". Returns how much was read.
std::size_t append_unicode_escape(std::string& out, std::string_view inside) {
    const unsigned unit = hex_unit(inside, 0);
    if (unit < 0xD800 || unit > 0xDBFF) {
        append_utf8(out, unit);
        return 4;
    }
    if (inside.substr(4, 2) != "\\u") throw CorruptBytes();
    append_utf8(out, 0x10000 + ((unit - 0xD800) << 10) + (hex_unit(inside, 6) - 0xDC00));
    return 10;
}

void unescape(std::string_view inside, std::string& out) {
    for (std::size_t at = 0; at < inside.size(); ++at) {
        if (inside[at] != '\\') {
            out.push_back(inside[at]);
            continue;
        }
        if (++at == inside.size()) throw CorruptBytes();
        switch (inside[at]) {
            case 'b': out.push_back('\b'); break;
            case 'f': out.push_back('\f'); break;
            case 'n': out.push_back('\n'); break;
            case 'r': out.push_back('\r'); break;
            case 't': out.push_back('\t'); break;
            case 'u': at += append_unicode_escape(out, inside.substr(at + 1)); break;
            default: out.push_back(inside[at]);
        }
    }
}

/// Takes the separator or the end of a container off `rest`; false at the end.
bool step_into(std::string_view& rest, bool& first, char end) {
    rest = skip_space(rest);
    if (rest.empty()) throw CorruptBytes();
    if (rest.front() == end) return false;
    if (!first) {
        if (rest.front() != ',') throw CorruptBytes();
        rest = skip_space(rest.substr(1));
    }
    first = false;
    return true;
}

bool identical_items(const JsonText& a, const JsonText& b) {
    JsonItems left(a);
    JsonItems right(b);
    for (;;) {
        const auto x = left.next();
        const auto y = right.next();
        if (!x || !y) return !x && !y;
        if (!identical(*x, *y)) return false;
    }
}

bool identical_members(const JsonText& a, const JsonText& b) {
    JsonMembers left(a);
    JsonMembers right(b);
    for (;;) {
        const bool x = left.next();
        const bool y = right.next();
        if (!x || !y) return x == y;
        if (!identical(left.key(), right.key()) || !identical(left.value(), right.value())) {
            return false;
        }
    }
}

}  // namespace

JsonText::JsonText(std::string_view text) : text_(skip_space(text)) {
    if (text_.empty()) throw CorruptBytes();
}

JsonText::Kind JsonText::kind() const {
    switch (text_.front()) {
        case '"': return Kind::string;
        case '{': return Kind::object;
        case '[': return Kind::array;
        case 't':
        case 'f': return Kind::boolean;
        case 'n': return Kind::null;
        default: return Kind::number;
    }
}

std::string_view JsonText::number() const {
    return text_.substr(0, number_size(text_));
}

std::string_view JsonText::string(std::string& scratch) const {
    const auto inside = text_.substr(1, string_size(text_) - 2);
    if (std::memchr(inside.data(), '\\', inside.size()) == nullptr) return inside;
    scratch.clear();
    unescape(inside, scratch);
    return scratch;
}

std::optional<JsonText> JsonText::member(std::string_view key) const {
    std::string scratch;
    JsonMembers members(*this);
    while (members.next()) {
        if (members.key().string(scratch) == key) return members.value();
    }
    return std::nullopt;
}

std::optional<JsonText> JsonText::item(std::size_t index) const {
    JsonItems items(*this);
    auto item = items.next();
    while (item && index > 0) {
        item = items.next();
        --index;
    }
    return item;
}

std::string_view JsonText::raw() const {
    return text_.substr(0, value_size(text_));
}

JsonItems::JsonItems(const JsonText& array)
    : rest_(array.kind() == JsonText::Kind::array ? array.text_.substr(1) : std::string_view()),
      done_(rest_.empty()) {}

std::optional<JsonText> JsonItems::next() {
    if (done_) return std::nullopt;
    if (!step_into(rest_, first_, ']')) {
        done_ = true;
        return std::nullopt;
    }
    const JsonText value(rest_);
    rest_ = rest_.substr(value_size(rest_));
    return value;
}

JsonMembers::JsonMembers(const JsonText& object)
    : rest_(object.kind() == JsonText::Kind::object ? object.text_.substr(1) : std::string_view()),
      done_(rest_.empty()) {}

bool JsonMembers::next() {
    if (done_) return false;
    if (!step_into(rest_, first_, '}')) {
        done_ = true;
        return false;
    }
    if (rest_.empty() || rest_.front() != '"') throw CorruptBytes();
    key_.emplace(rest_);
    rest_ = skip_space(rest_.substr(string_size(rest_)));
    if (rest_.empty() || rest_.front() != ':') throw CorruptBytes();
    rest_ = skip_space(rest_.substr(1));
    value_.emplace(rest_);
    rest_ = rest_.substr(value_size(rest_));
    return true;
}

bool identical(const JsonText& a, const JsonText& b) {
    if (a.kind() != b.kind()) return false;
    std::string left;
    std::string right;
    switch (a.kind()) {
        case JsonText::Kind::null: return true;
        case JsonText::Kind::boolean: return a.boolean() == b.boolean();
        case JsonText::Kind::number: return a.number() == b.number();
        case JsonText::Kind::string: return a.string(left) == b.string(right);
        case JsonText::Kind::array: return identical_items(a, b);
        case JsonText::Kind::object: return identical_members(a, b);
    }
    return false;
}

}  // namespace divan::storage
