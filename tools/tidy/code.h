#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace divan::tidy {

/// C++ text with comments, string and character literals replaced by blanks: every other character
/// keeps its line and its column.
std::string without_comments(std::string_view text);

/// Views into `text`, without line ends.
std::vector<std::string_view> lines_of(std::string_view text);
/// The number of the line, from 1, that has the character at `position`.
std::size_t line_at(std::string_view text, std::size_t position);
/// Where the bracket at `open` ((, [, { or <) is closed; npos where it is not.
std::size_t closing(std::string_view code, std::size_t open);
/// What a reader sees as one column: UTF-8 characters, not bytes.
std::size_t width_of(std::string_view line);

}  // namespace divan::tidy
