#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/error.h"

namespace divan::storage {

/// The part of a revision after the dash. 16 bytes where CouchDB made it; a replicated edit may
/// carry any text, kept as it is. Prints as 32 hexadecimal digits exactly when it is 16 bytes long,
/// as couch_doc:revid_to_str/1 does.
class RevisionHash {
public:
    RevisionHash() = default;
    explicit RevisionHash(std::string_view bytes) {
        if (bytes.size() > short_.size()) {
            long_ = bytes;
        } else {
            short_bytes_ = static_cast<std::uint8_t>(bytes.copy(short_.data(), short_.size()));
        }
    }

    std::string_view bytes() const {
        return long_.empty() ? std::string_view(short_.data(), short_bytes_) : long_;
    }

    bool operator==(const RevisionHash& other) const { return bytes() == other.bytes(); }
    /// By bytes, as Erlang orders binaries.
    std::strong_ordering operator<=>(const RevisionHash& other) const {
        return bytes() <=> other.bytes();
    }

private:
    // CouchDB's own fit without an allocation.
    std::array<char, 16> short_{};
    std::uint8_t short_bytes_ = 0;
    std::string long_;
};

/// "N-hash". Ordered by generation, then hash: the order in which CouchDB picks winners.
struct Revision {
    std::uint64_t generation = 0;
    RevisionHash hash;

    bool operator==(const Revision&) const = default;
    std::strong_ordering operator<=>(const Revision&) const = default;
};

std::string to_string(const Revision& revision);
void append_revision(std::string& out, const Revision& revision);
void append_hash(std::string& out, const RevisionHash& hash);

/// couch_doc:parse_rev/1: "N-anything". Refuses with `bad_request` "Invalid rev format".
Result<Revision> parse_revision(std::string_view text);
/// couch_doc:parse_revid/2: the text after the dash, of `_revisions.ids` too. 32 characters are
/// 16 bytes in hexadecimal, and empty is returned where they are not; in generation 0, and of any
/// other length, they are the hash themselves.
std::optional<RevisionHash> parse_revision_hash(std::uint64_t generation, std::string_view text);

}  // namespace divan::storage
