#include "storage/base/ini.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>

#include "storage/base/log.h"

namespace divan {
namespace {

constexpr std::uintmax_t file_bytes_max = 16U << 20;

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n\v\f";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// A comment is the whole line, or what follows a ';' that stands after a blank.
std::string_view without_comment(std::string_view line, InlineComments comments) {
    line = trim(line);
    if (line.starts_with(';')) return {};
    if (comments == InlineComments::no) return line;
    return trim(line.substr(0, std::min(line.find(" ;"), line.find("\t;"))));
}

/// The name in "[name]"; empty where the line is another.
std::optional<std::string_view> section_name(std::string_view line) {
    if (!line.starts_with('[')) return std::nullopt;
    const auto end = line.find(']');
    if (end == 1 || end + 1 != line.size()) return std::string_view();
    return line.substr(1, end - 1);
}

struct Pair {
    std::string_view key, value;
};

// " = " goes before "=", so that a key may have '=' in it.
Pair split_pair(std::string_view line) {
    constexpr std::string_view spaced = " = ";
    auto at = line.find(spaced);
    auto width = spaced.size();
    if (at == std::string_view::npos) {
        at = line.find('=');
        width = 1;
    }
    if (at == std::string_view::npos) return {};
    return {trim(line.substr(0, at)), trim(line.substr(at + width))};
}

Error unreadable(const std::filesystem::path& file, std::string_view why) {
    return Error{Code::storage_failed,
                 fmt::format("cannot read the configuration file {}: {}", file.string(), why), {}};
}

}  // namespace

IniSections parse_ini(std::string_view text, InlineComments comments,
                      const std::function<void(std::size_t line)>& skipped) {
    IniSections sections;
    std::string section;
    std::size_t number = 0;
    while (!text.empty()) {
        const auto end = text.find_first_of("\n\r\x1a");
        const auto line = without_comment(text.substr(0, end), comments);
        ++number;
        if (end == std::string_view::npos) {
            text = {};
        } else {
            const bool crlf = text[end] == '\r' && text.substr(end + 1).starts_with('\n');
            text.remove_prefix(end + (crlf ? 2 : 1));
        }
        if (line.empty()) continue;

        if (const auto name = section_name(line)) {
            if (name->empty()) skipped(number);
            if (!name->empty()) section = *name;
            continue;
        }
        const Pair pair = split_pair(line);
        if (pair.key.empty() || section.empty()) {
            skipped(number);
        } else if (!pair.value.empty()) {
            sections[section].insert_or_assign(std::string(pair.key), std::string(pair.value));
        }
    }
    return sections;
}

Result<IniSections> read_ini_file(const std::filesystem::path& file, InlineComments comments) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    if (error) return unreadable(file, error.message());
    if (size > file_bytes_max) return unreadable(file, "it is larger than 16 MiB");
    std::ifstream stream(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    if (!stream.is_open() || stream.bad()) return unreadable(file, "permission denied, or a fault");
    return parse_ini(text, comments, [&](std::size_t line) {
        log(LogLevel::warning, fmt::format("{}:{}: neither [section] nor key = value: skipped",
                                           file.string(), line));
    });
}

Result<std::vector<std::filesystem::path>> expand_ini_folders(
    const std::vector<std::filesystem::path>& paths) {
    namespace fs = std::filesystem;
    std::vector<fs::path> expanded;
    for (const fs::path& path : paths) {
        std::error_code error;
        if (!fs::is_directory(path, error)) {
            expanded.push_back(path);
            continue;
        }
        std::vector<fs::path> inside;
        for (auto entry = fs::directory_iterator(path, error);
             !error && entry != fs::directory_iterator(); entry.increment(error)) {
            if (entry->path().extension() == ".ini") inside.push_back(entry->path());
        }
        if (error) return unreadable(path, error.message());
        std::sort(inside.begin(), inside.end());
        expanded.insert(expanded.end(), inside.begin(), inside.end());
    }
    return expanded;
}

std::string print_ini(const IniSections& sections) {
    std::string text;
    for (const auto& [section, values] : sections) {
        if (values.empty()) continue;
        text += fmt::format("\n[{}]\n", section);
        for (const auto& [key, value] : values) text += fmt::format("{} = {}\n", key, value);
    }
    return text;
}

}  // namespace divan
