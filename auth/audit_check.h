#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "auth/audit_line.h"

namespace divan::auth {

/// The first line that does not go on where the one before it ends.
struct AuditBreak {
    std::filesystem::path file;
    std::uint64_t line;  ///< From 1, in its file.
    std::string why;
};

struct AuditCheck {
    std::uint64_t lines = 0;         ///< Whole ones that were read, the broken one not counted.
    std::uint64_t first_number = 0;  ///< 1 for a log from its beginning; else its first line's
                                     ///< `previous` is taken on trust.
    AuditHead head;                  ///< The last good line.
    std::optional<AuditBreak> broken;
    bool unfinished = false;         ///< The last file ends within a line: a crash, or a server
                                     ///< that is just writing.
    bool noted_found = false;        ///< `noted` is the hash of a line, or of the one before all.
};

/// Reads the files, which follow each other, and checks every line against the one before. Where
/// `noted` is not empty, looks for the line with that hash: one that somebody wrote down elsewhere
/// proves that everything up to it is as it was then. Throws `std::runtime_error` where a file
/// cannot be read.
AuditCheck check_audit(std::span<const std::filesystem::path> files, std::string_view noted = {});

}  // namespace divan::auth
