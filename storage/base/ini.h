#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/error.h"

namespace divan {

/// Sections of an ini file, each with its keys and values.
using IniSections = std::map<std::string, std::map<std::string, std::string, std::less<>>,
                             std::less<>>;

enum class InlineComments : bool {
    no,   ///< A file that the server writes: a value may have " ;" in it.
    yes,  ///< A file that people write: " ;" begins a comment.
};

/// Reads CouchDB's ini syntax, with all its leniency: a line that is none is skipped, and told to
/// `skipped` with its number (from 1). A key without a value counts as absent, the last of two
/// wins.
///
/// CouchDB: config:parse_ini/1.
IniSections parse_ini(std::string_view text, InlineComments comments,
                      const std::function<void(std::size_t line)>& skipped);

/// `parse_ini` of a file; lines that are none are logged. Refuses with `storage_failed`.
Result<IniSections> read_ini_file(const std::filesystem::path& file, InlineComments comments);

/// `paths` with folders replaced by their *.ini files, sorted. Refuses where one cannot be listed.
Result<std::vector<std::filesystem::path>> expand_ini_folders(
    const std::vector<std::filesystem::path>& paths);

/// What `parse_ini` with `InlineComments::no` reads back.
std::string print_ini(const IniSections& sections);

}  // namespace divan
