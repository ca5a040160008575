#include "tools/tidy/code.h"

#include <algorithm>
#include <cctype>

namespace divan::tidy {
namespace {

void blank(std::string& text, std::size_t from, std::size_t to) {
    for (std::size_t at = from; at < std::min(to, text.size()); ++at) {
        if (text[at] != '\n') text[at] = ' ';
    }
}

/// The end of a literal in quotes that starts at `start`.
std::size_t end_of_literal(std::string_view text, std::size_t start) {
    const char quote = text[start];
    for (std::size_t at = start + 1; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
        } else if (text[at] == quote || text[at] == '\n') {
            return at + 1;
        }
    }
    return text.size();
}

/// The end of R"delimiter(…)delimiter", whose quote is at `quote`.
std::size_t end_of_raw_literal(std::string_view text, std::size_t quote) {
    const auto open = text.find('(', quote);
    if (open == std::string_view::npos) return text.size();
    const std::string end = ")" + std::string(text.substr(quote + 1, open - quote - 1)) + "\"";
    const auto found = text.find(end, open);
    return found == std::string_view::npos ? text.size() : found + end.size();
}

// 1'000 has no character literal in it.
bool is_digit_separator(std::string_view text, std::size_t at) {
    return at > 0 && std::isxdigit(static_cast<unsigned char>(text[at - 1])) &&
           at + 1 < text.size() && std::isxdigit(static_cast<unsigned char>(text[at + 1])) &&
           (at + 2 >= text.size() || text[at + 2] != '\'');
}

/// Where what starts at `at` ends, if it is a comment or a literal; else `at`.
std::size_t end_of_hidden(std::string_view text, std::size_t at) {
    const auto rest = text.substr(at);
    if (rest.starts_with("//")) return std::min(text.find('\n', at), text.size());
    if (rest.starts_with("/*")) {
        const auto end = text.find("*/", at + 2);
        return end == std::string_view::npos ? text.size() : end + 2;
    }
    if (rest.starts_with('"')) {
        const bool raw = at > 0 && text[at - 1] == 'R';
        return raw ? end_of_raw_literal(text, at) : end_of_literal(text, at);
    }
    if (rest.starts_with('\'') && !is_digit_separator(text, at)) return end_of_literal(text, at);
    return at;
}

}  // namespace

std::string without_comments(std::string_view text) {
    std::string code(text);
    for (std::size_t at = 0; at < text.size();) {
        const auto end = end_of_hidden(text, at);
        if (end == at) {
            ++at;
            continue;
        }
        blank(code, at, end);
        at = end;
    }
    return code;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::size_t line_at(std::string_view text, std::size_t position) {
    const auto before = text.substr(0, position);
    return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

std::size_t closing(std::string_view code, std::size_t open) {
    const char begin = code[open];
    const char end = begin == '(' ? ')' : begin == '[' ? ']' : begin == '{' ? '}' : '>';
    std::size_t depth = 0;
    for (std::size_t at = open; at < code.size(); ++at) {
        if (code[at] == begin) ++depth;
        if (code[at] == end && --depth == 0) return at;
    }
    return std::string_view::npos;
}

std::size_t width_of(std::string_view line) {
    return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
    }));
}

}  // namespace divan::tidy
