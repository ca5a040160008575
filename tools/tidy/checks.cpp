#include "tools/tidy/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <regex>
#include <set>
#include <tuple>

#include "tools/tidy/code.h"

namespace divan::tidy {
namespace {

constexpr std::size_t source_lines_max = 500;
constexpr std::size_t header_lines_max = 200;
constexpr std::size_t function_lines_max = 70;
constexpr std::size_t line_width_max = 100;

bool is_header(std::string_view file) {
    return file.ends_with(".h");
}

bool is_code(std::string_view file) {
    return is_header(file) || file.ends_with(".cpp");
}

bool is_build_file(std::string_view file) {
    return file == "CMakeLists.txt" || file.ends_with("/CMakeLists.txt");
}

const Rules::Only* only_of(const Rules& rules, std::string_view file) {
    for (const Rules::Only& only : rules.only) {
        if (is_below(file, only.folder)) return &only;
    }
    return nullptr;
}

/// Why `file` may not include `included`, a path from the root; empty where it may.
std::string refuse_include(const Rules& rules, std::string_view file, std::string_view included) {
    const auto* from = rules.layer_of(file);
    const auto* to = rules.layer_of(included);
    if (!to) return fmt::format("{} is in no row of layers.txt: write the path from the root, or "
                                "add its folder there", included);
    if (!from) return {};
    if (const auto* only = only_of(rules, file)) {
        bool seen = is_below(included, only->folder);
        for (const std::string& folder : only->sees) seen = seen || is_below(included, folder);
        if (!seen) {
            return fmt::format("{} sees {} alone: hand in what it needs as an interface of its own",
                               only->folder, fmt::join(only->sees, ", "));
        }
    }
    if (to == from || to->level < from->level) return {};
    return fmt::format("{} (level {}) may not see {} (level {}): move the code down, or declare a "
                       "small interface here that {} implements",
                       from->folder, from->level, to->folder, to->level, to->folder);
}

std::string refuse_library(const Rules& rules, std::string_view file, std::string_view included) {
    const Rules::Header* rule = nullptr;
    for (const Rules::Header& header : rules.headers) {
        const bool longer = !rule || header.prefix.size() > rule->prefix.size();
        if (included.starts_with(header.prefix) && longer) rule = &header;
    }
    if (!rule) return {};
    for (const std::string& pattern : rule->files) {
        if (matches(pattern, file)) return {};
    }
    return fmt::format("<{}> belongs to {} alone: use what these offer, or add the file to "
                       "layers.txt with a reason",
                       included, fmt::join(rule->files, ", "));
}

bool names_a_function(std::string_view signature) {
    for (const char* other : {"namespace", "class ", "struct ", "enum ", "union ", "extern "}) {
        if (signature.starts_with(other)) return false;
    }
    const auto parenthesis = signature.find('(');
    return parenthesis != std::string_view::npos && signature.find('=') > parenthesis;
}

// Namespaces do not indent, so a function begins and ends in the first column.
void check_functions(std::string_view file, std::string_view code, Findings& findings) {
    std::string signature;
    std::size_t start = 0;
    const auto lines = lines_of(code);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto line = lines[i];
        if (line.starts_with('}')) {
            const std::size_t length = i + 2 - start;
            if (start != 0 && length > function_lines_max) {
                findings.push_back({std::string(file), start,
                                    fmt::format("the function has {} lines, {} at the most: give "
                                                "a step of it a name of its own",
                                                length, function_lines_max)});
            }
            start = 0;
            signature.clear();
        } else if (start == 0) {
            const bool whole = line.empty() || line.starts_with('#') || line.ends_with(';') ||
                               line.ends_with(':');
            if (!line.starts_with(' ') || !signature.empty()) signature += std::string(line) + ' ';
            if (line.ends_with('{') && names_a_function(signature)) start = i + 1;
            if (whole || line.ends_with('{')) signature.clear();
        }
    }
}

void check_length(std::string_view file, std::size_t lines, Findings& findings) {
    const auto most = is_header(file) ? header_lines_max : source_lines_max;
    if (lines <= most) return;
    findings.push_back({std::string(file), 0,
                        fmt::format("{} lines, {} at the most: split it by what it does", lines,
                                    most)});
}

/// Where a lambda begins: "[" that is neither a subscript nor an attribute.
bool begins_lambda(std::string_view code, std::size_t at) {
    if (code[at] != '[' || at + 1 >= code.size() || code[at + 1] == '[') return false;
    const auto before = code.find_last_not_of(" \n", at == 0 ? 0 : at - 1);
    if (at == 0 || before == std::string_view::npos) return true;
    const char previous = code[before];
    if (previous == '[' || previous == ')' || previous == ']' || previous == '_') return false;
    if (!std::isalnum(static_cast<unsigned char>(previous))) return true;
    // A word before it: a name that is subscripted, unless it is one of these.
    const auto word = code.substr(0, before + 1);
    return word.ends_with("return") || word.ends_with("co_await") || word.ends_with("delete");
}

/// The body of the lambda whose "[" is at `open`: [first, second); empty where it has none.
std::pair<std::size_t, std::size_t> lambda_body(std::string_view code, std::size_t open) {
    constexpr auto none = std::string_view::npos;
    auto at = closing(code, open);
    at = at == none ? none : code.find_first_not_of(" \n", at + 1);
    if (at != none && code[at] == '(') {
        at = closing(code, at);
        at = at == none ? none : at + 1;
    }
    const auto brace = at == none ? none : code.find_first_of("{;)", at);
    if (brace == none || code[brace] != '{') return {0, 0};
    const auto end = closing(code, brace);
    return end == none ? std::pair<std::size_t, std::size_t>{0, 0} : std::pair{brace + 1, end};
}

/// The body of a lambda without those of the lambdas inside it.
std::string own_body(std::string_view code, std::size_t from, std::size_t to) {
    std::string body;
    for (std::size_t at = from; at < to; ++at) {
        if (begins_lambda(code, at)) {
            const auto inner = lambda_body(code, at);
            if (inner.second != 0) {
                at = inner.second;
                continue;
            }
        }
        body += code[at];
    }
    return body;
}

std::string folder_of(std::string_view file) {
    const auto slash = file.rfind('/');
    return slash == std::string_view::npos ? std::string() : std::string(file.substr(0, slash));
}

/// Adds the paths from the root of all that a CMakeLists.txt of `folder` could mean by its words.
void add_named(const std::string& folder, const std::string& text, std::set<std::string>& names) {
    static const std::regex word(R"re([^\s()"]+)re");
    constexpr std::string_view root = "${CMAKE_SOURCE_DIR}/";
    for (std::sregex_iterator at(text.begin(), text.end(), word), end; at != end; ++at) {
        const std::string name = at->str();
        const auto path = name.starts_with(root)
                              ? std::filesystem::path(name.substr(root.size()))
                              : std::filesystem::path(folder) / name;
        names.insert(path.lexically_normal().generic_string());
    }
}

}  // namespace

void check_includes(const Rules& rules, std::string_view file, std::string_view text,
                    Findings& findings) {
    static const std::regex include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"].*$)re");
    const bool is_test = is_below(file, "test");
    const auto lines = lines_of(text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::cmatch match;
        if (!std::regex_match(lines[i].data(), lines[i].data() + lines[i].size(), match, include)) {
            continue;
        }
        const std::string included = match[2].str();
        std::string refused;
        if (!is_test) {
            refused = match[1].str() == "<" ? refuse_library(rules, file, included)
                                            : refuse_include(rules, file, included);
        }
        if (!refused.empty()) findings.push_back({std::string(file), i + 1, refused});
    }
}

void check_shape(std::string_view file, std::string_view text, Findings& findings) {
    static const std::regex unfinished("\\b(TO" "DO|FIX" "ME|X" "XX)\\b");
    const auto lines = lines_of(text);
    if (is_code(file)) check_length(file, lines.size(), findings);
    if (is_header(file) && !text.starts_with("#pragma once\n")) {
        findings.push_back({std::string(file), 1, "begin the header with #pragma once"});
    }
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto add = [&](std::string what) {
            findings.push_back({std::string(file), i + 1, std::move(what)});
        };
        const auto line = lines[i];
        const auto width = width_of(line);
        if (is_code(file) && width > line_width_max) {
            add(fmt::format("{} columns, {} at the most: break the line", width, line_width_max));
        }
        if (line.ends_with(' ') || line.ends_with('\t') || line.ends_with('\r')) {
            add("a blank at the end of the line: remove it");
        }
        if (is_code(file) && line.find('\t') != std::string_view::npos) add("a tab: use 4 spaces");
        if (std::regex_search(line.begin(), line.end(), unfinished)) {
            add("unfinished work: finish it, or open an issue and remove the note");
        }
    }
    if (!text.empty() && !text.ends_with('\n')) {
        findings.push_back({std::string(file), lines.size(), "end the last line with a line feed"});
    }
    if (is_code(file) && !is_below(file, "test")) {
        check_functions(file, without_comments(text), findings);
    }
}

void check_lambdas(std::string_view file, std::string_view text, Findings& findings) {
    static const std::regex suspends("\\bco_(await|return|yield)\\b");
    const std::string code = without_comments(text);
    for (std::size_t at = 0; at < code.size(); ++at) {
        if (!begins_lambda(code, at)) continue;
        const auto end = closing(code, at);
        const auto body = lambda_body(code, at);
        if (end == std::string::npos || body.second == 0) continue;
        if (code.find_first_not_of(" \n", at + 1) == end) continue;
        if (!std::regex_search(own_body(code, body.first, body.second), suspends)) continue;
        findings.push_back({std::string(file), line_at(code, at),
                            "a coroutine lambda that captures: its captures die with the lambda, "
                            "at the first suspension. Write a function that takes values"});
    }
}

void check_listed(const Files& files, Findings& findings) {
    std::set<std::string> named;
    for (const auto& [file, text] : files) {
        if (is_build_file(file)) add_named(folder_of(file), text, named);
    }
    for (const auto& [file, text] : files) {
        if (!file.ends_with(".cpp") || named.contains(file)) continue;
        findings.push_back({file, 0, "no CMakeLists.txt names it: list it in its folder's, or "
                                     "delete it"});
    }
}

Findings check_all(const Rules& rules, const Files& files) {
    Findings findings;
    for (const auto& [file, text] : files) {
        check_shape(file, text, findings);
        if (!is_code(file)) continue;
        check_includes(rules, file, text, findings);
        // A test keeps the lambda alive while it awaits it; the address sanitizer sees to it.
        if (!is_below(file, "test")) check_lambdas(file, text, findings);
    }
    check_listed(files, findings);
    std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
        return std::tie(a.file, a.line) < std::tie(b.file, b.line);
    });
    return findings;
}

}  // namespace divan::tidy
