#include "replication/json_outline.h"

#include <array>
#include <charconv>
#include <utility>

#include "storage/base/json_normaliser.h"
#include "storage/base/json_string.h"

namespace divan::replication {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::size_t skip_space(std::string_view text, std::size_t at) {
    while (at < text.size() && is_space(text[at])) ++at;
    return at;
}

// `at` is behind the opening quote; returns what is behind the closing one.
std::optional<std::size_t> string_end(std::string_view text, std::size_t at) {
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '"') return at + 1;
        if (c == '\\') ++at;
        if (static_cast<unsigned char>(c) < 0x20) return std::nullopt;
    }
    return std::nullopt;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool skip_digits(std::string_view& text) {
    const auto before = text.size();
    while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
    return text.size() < before;
}

bool is_number(std::string_view text) {
    if (text.starts_with('-')) text.remove_prefix(1);
    if (!skip_digits(text)) return false;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (!skip_digits(text)) return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
        if (!skip_digits(text)) return false;
    }
    return text.empty();
}

std::optional<std::size_t> scalar_end(std::string_view text, std::size_t at) {
    std::size_t end = at;
    while (end < text.size() && !is_space(text[end]) && text[end] != ',' && text[end] != ']' &&
           text[end] != '}' && text[end] != ':') {
        ++end;
    }
    const auto scalar = text.substr(at, end - at);
    const bool word = scalar == "true" || scalar == "false" || scalar == "null";
    if (!word && !is_number(scalar)) return std::nullopt;
    return end;
}

std::optional<std::size_t> container_end(std::string_view text, std::size_t at) {
    std::string open;  // The closing brackets that are due.
    while (at < text.size()) {
        const char c = text[at++];
        if (c == '"') {
            const auto end = string_end(text, at);
            if (!end) return std::nullopt;
            at = *end;
        } else if (c == '{' || c == '[') {
            if (open.size() == json_depth_max) return std::nullopt;
            open += c == '{' ? '}' : ']';
        } else if (c == '}' || c == ']') {
            if (open.back() != c) return std::nullopt;
            open.pop_back();
            if (open.empty()) return at;
        }
    }
    return std::nullopt;
}

// Passes over what stands before a member or item: nothing before the first, else a comma. False at
// the closing bracket, or where it is broken; `complete` tells which.
bool step(std::string_view text, std::size_t& at, bool& first, char close, bool& complete) {
    at = skip_space(text, at);
    if (at == text.size()) return false;
    if (text[at] == close) {
        complete = skip_space(text, at + 1) == text.size();
        at = text.size();
        return false;
    }
    if (!std::exchange(first, false)) {
        if (text[at] != ',') return false;
        at = skip_space(text, at + 1);
    }
    return at < text.size();
}

// Where there is no such bracket nothing is found, and it is not complete.
std::size_t behind(std::string_view text, char open) {
    const auto at = skip_space(text, 0);
    return at < text.size() && text[at] == open ? at + 1 : text.size();
}

}  // namespace

std::optional<std::size_t> json_value_end(std::string_view text, std::size_t at) {
    if (at >= text.size()) return std::nullopt;
    const char c = text[at];
    if (c == '"') return string_end(text, at + 1);
    if (c == '{' || c == '[') return container_end(text, at);
    return scalar_end(text, at);
}

std::optional<std::string> json_text(std::string_view value) {
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::nullopt;
    const char* from = value.data() + 1;
    const char* end = value.data() + value.size() - 1;
    std::string out;
    while (from < end) {
        const char* plain = from;
        while (from < end && *from != '\\') ++from;
        out.append(plain, from);
        if (from == end) break;
        int code = 0;
        ++from;
        if (!read_json_escape(from, end, code)) return std::nullopt;
        std::array<char, 4> utf8;
        out.append(utf8.data(), write_utf8(utf8.data(), code));
    }
    return out;
}

std::optional<std::uint64_t> json_unsigned(std::string_view value) {
    std::uint64_t number = 0;
    const auto* end = value.data() + value.size();
    const auto [stopped, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc() || stopped != end) return std::nullopt;
    return number;
}

JsonMembers::JsonMembers(std::string_view object) : text_(object), at_(behind(object, '{')) {}

bool JsonMembers::next() {
    if (!step(text_, at_, first_, '}', complete_)) return false;
    const auto begin = at_;
    const auto key_end = text_[at_] == '"' ? string_end(text_, at_ + 1) : std::nullopt;
    if (!key_end) return false;
    key_ = text_.substr(begin + 1, *key_end - begin - 2);
    if (key_.find('\\') != key_.npos) {
        auto decoded = json_text(text_.substr(begin, *key_end - begin));
        if (!decoded) return false;
        decoded_ = std::move(*decoded);
        key_ = decoded_;
    }
    at_ = skip_space(text_, *key_end);
    if (at_ == text_.size() || text_[at_] != ':') return false;
    at_ = skip_space(text_, at_ + 1);
    const auto end = json_value_end(text_, at_);
    if (!end) return false;
    value_ = text_.substr(at_, *end - at_);
    at_ = *end;
    return true;
}

JsonItems::JsonItems(std::string_view array) : text_(array), at_(behind(array, '[')) {}

bool JsonItems::next() {
    if (!step(text_, at_, first_, ']', complete_)) return false;
    const auto end = json_value_end(text_, at_);
    if (!end) return false;
    value_ = text_.substr(at_, *end - at_);
    at_ = *end;
    return true;
}

}  // namespace divan::replication
