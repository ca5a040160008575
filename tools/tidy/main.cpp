// divan-tidy ROOT: checks the sources below ROOT against tools/tidy/layers.txt and the limits of
// docs/STYLE.md. Prints what is wrong and how to mend it; ends with 1 where anything is.

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "tools/tidy/checks.h"

namespace divan::tidy {
namespace {

namespace fs = std::filesystem;

constexpr const char* folders[] = {"storage", "auth", "replication", "server", "tools", "test"};

std::string read(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw std::runtime_error("cannot read " + file.string());
    return {std::istreambuf_iterator<char>(stream), {}};
}

bool is_checked(const fs::path& file) {
    const auto extension = file.extension();
    return extension == ".cpp" || extension == ".h" || file.filename() == "CMakeLists.txt";
}

Files read_tree(const fs::path& root) {
    Files files;
    files.emplace("CMakeLists.txt", read(root / "CMakeLists.txt"));
    for (const char* folder : folders) {
        for (auto entry = fs::recursive_directory_iterator(root / folder);
             entry != fs::recursive_directory_iterator(); ++entry) {
            const auto name = entry->path().filename().string();
            if (entry->is_directory() && (name == "node_modules" || name.starts_with('.'))) {
                entry.disable_recursion_pending();
            } else if (entry->is_regular_file() && is_checked(entry->path())) {
                files.emplace(fs::relative(entry->path(), root).generic_string(),
                              read(entry->path()));
            }
        }
    }
    return files;
}

int run(const fs::path& root) {
    const Rules rules = parse_rules(read(root / "tools" / "tidy" / "layers.txt"));
    const Files files = read_tree(root);
    const Findings findings = check_all(rules, files);
    for (const Finding& finding : findings) {
        const std::string place =
            finding.line == 0 ? finding.file : fmt::format("{}:{}", finding.file, finding.line);
        fmt::print("{}: {}\n", place, finding.text);
    }
    fmt::print("{} files, {} findings\n", files.size(), findings.size());
    return findings.empty() ? 0 : 1;
}

}  // namespace
}  // namespace divan::tidy

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: divan-tidy ROOT\n");
        return 2;
    }
    try {
        return divan::tidy::run(argv[1]);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "divan-tidy: %s\n", failure.what());
        return 2;
    }
}
