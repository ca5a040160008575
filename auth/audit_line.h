#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/audit.h"

namespace divan::auth {

/// A place in the chain: the last line's number and hash.
struct AuditHead {
    std::uint64_t number = 0;  ///< 0: nothing was written yet.
    std::string hash = std::string(64, '0');

    bool operator==(const AuditHead&) const = default;
};

/// What a line says of its own place.
struct AuditLink {
    std::uint64_t number;
    std::string previous;  ///< The hash of the line before.
};

/// The line after `head`, without its line feed; `head` moves on to it. Cuts texts, replaces what
/// is no UTF-8.
std::string make_audit_line(const AuditEvent& event, std::int64_t unix_seconds, AuditHead& head);

/// SHA-256 of the line's exact bytes without the line feed, in hexadecimal.
std::string audit_hash(std::string_view line);

/// Empty where the line is none of an audit log.
std::optional<AuditLink> read_audit_link(std::string_view line);

}  // namespace divan::auth
