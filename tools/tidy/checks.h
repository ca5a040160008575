#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tidy/rules.h"

namespace divan::tidy {

/// Something that is not as it must be, and how to put it right.
struct Finding {
    std::string file;
    std::size_t line;  ///< From 1; 0 for the whole file.
    std::string text;

    bool operator==(const Finding&) const = default;
};
using Findings = std::vector<Finding>;

/// Files by their path from the root, with '/'.
using Files = std::map<std::string, std::string>;

/// Includes of higher or sideways rows, and libraries' headers outside of their files.
void check_includes(const Rules& rules, std::string_view file, std::string_view text,
                    Findings& findings);
/// Lengths of files, lines and functions; blanks at line ends; notes of unfinished work.
void check_shape(std::string_view file, std::string_view text, Findings& findings);
/// Lambdas that capture and are coroutines: where the lambda is gone, so are its captures.
void check_lambdas(std::string_view file, std::string_view text, Findings& findings);
/// Sources that no CMakeLists.txt names.
void check_listed(const Files& files, Findings& findings);

/// All of these, for all files.
Findings check_all(const Rules& rules, const Files& files);

}  // namespace divan::tidy
