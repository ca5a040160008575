#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "auth/audit_check.h"
#include "auth/audit_file.h"

namespace divan::audit {
namespace {

namespace fs = std::filesystem;

enum Exit : int { whole = 0, broken = 1, unusable = 2, unfinished = 3 };

// A folder stands for the audit files in it.
std::vector<fs::path> expand(const std::vector<std::string>& arguments) {
    std::vector<fs::path> files;
    for (const auto& argument : arguments) {
        if (!fs::is_directory(argument)) {
            files.emplace_back(argument);
            continue;
        }
        const auto inside = auth::audit_files(argument);
        files.insert(files.end(), inside.begin(), inside.end());
    }
    return files;
}

Exit verify(const std::vector<std::string>& arguments, const std::string& noted) {
    const auto check = auth::check_audit(expand(arguments), noted);
    if (check.broken) {
        fmt::print("broken: {}, line {}: {}\n", check.broken->file.string(), check.broken->line,
                   check.broken->why);
        fmt::print("good up to line {}, hash {}\n", check.head.number, check.head.hash);
        return broken;
    }
    if (check.lines == 0) {
        fmt::print("no lines\n");
    } else {
        fmt::print("good: lines {} to {}, hash {}\n", check.first_number, check.head.number,
                   check.head.hash);
    }
    if (!noted.empty() && !check.noted_found) {
        fmt::print("broken: no line has the noted hash {}\n", noted);
        return broken;
    }
    if (!check.unfinished) return whole;
    fmt::print("the last line is unfinished\n");
    return unfinished;
}

int run(int argc, char** argv) {
    CLI::App program("Checks Divan's audit log.");
    program.require_subcommand(1);
    auto* command = program.add_subcommand(
        "verify", "Whether each line goes on where the one before ends. Exit status: 0 yes; 1 no, "
                  "and the first broken line is named; 2 a file cannot be read; 3 yes, up to a "
                  "last line that is unfinished.");
    std::vector<std::string> arguments;
    std::string noted;
    command->add_option("FILE", arguments, "Files in their order, or the folder.")->required();
    command->add_option("--noted", noted,
                        "A hash that was noted elsewhere, which one of the lines must have.");
    program.set_version_flag("--version", "divan-audit " DIVAN_VERSION);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return program.exit(error) == 0 ? whole : unusable;
    }
    return verify(arguments, noted);
}

}  // namespace
}  // namespace divan::audit

int main(int argc, char** argv) {
    try {
        return divan::audit::run(argc, argv);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "divan-audit: %s\n", failure.what());
        return divan::audit::unusable;
    }
}
