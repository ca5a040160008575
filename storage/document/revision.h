#pragma once

#include <boost/container/small_vector.hpp>
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
    explicit RevisionHash(std::string_view bytes)
        : bytes_(bytes.size(), boost::container::default_init) {
        bytes.copy(bytes_.data(), bytes.size());
    }

    std::string_view bytes() const { return {bytes_.data(), bytes_.size()}; }

    bool operator==(const RevisionHash& other) const { return bytes() == other.bytes(); }
    /// By bytes, as Erlang orders binaries.
    std::strong_ordering operator<=>(const RevisionHash& other) const {
        return bytes() <=> other.bytes();
    }

private:
    boost::container::small_vector<char, 16> bytes_;
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
