#include "storage/document/revision.h"

#include <charconv>
#include <limits>

#include "storage/base/digest.h"

namespace divan::storage {
namespace {

constexpr std::size_t hash_bytes = 16;

// Greater generations than any history reaches become this one: it still has a successor.
constexpr std::uint64_t generation_max = std::numeric_limits<std::int64_t>::max();

/// Erlang's list_to_integer/1 without minus, which would have ended the digits.
std::optional<std::uint64_t> parse_generation(std::string_view digits) {
    if (digits.starts_with('+')) digits.remove_prefix(1);
    if (digits.empty()) return std::nullopt;
    for (const char c : digits) {
        if (c < '0' || c > '9') return std::nullopt;
    }
    std::uint64_t value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (read.ec != std::errc() || value > generation_max) return generation_max;
    return value;
}

}  // namespace

void append_hash(std::string& out, const RevisionHash& hash) {
    if (hash.bytes().size() == hash_bytes) {
        out += hex_encode(hash.bytes());
    } else {
        out += hash.bytes();
    }
}

void append_revision(std::string& out, const Revision& revision) {
    std::array<char, 20> digits;
    const char* end =
        std::to_chars(digits.data(), digits.data() + digits.size(), revision.generation).ptr;
    out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
    out.push_back('-');
    if (revision.generation == 0) {
        out += revision.hash.bytes();
    } else {
        append_hash(out, revision.hash);
    }
}

std::string to_string(const Revision& revision) {
    std::string out;
    append_revision(out, revision);
    return out;
}

std::optional<RevisionHash> parse_revision_hash(std::uint64_t generation, std::string_view text) {
    if (generation == 0 || text.size() != 2 * hash_bytes) return RevisionHash(text);
    const auto bytes = hex_decode(text);
    if (!bytes) return std::nullopt;
    return RevisionHash(*bytes);
}

Result<Revision> parse_revision(std::string_view text) {
    const auto dash = text.find('-');
    if (dash != std::string_view::npos) {
        if (const auto generation = parse_generation(text.substr(0, dash))) {
            if (auto hash = parse_revision_hash(*generation, text.substr(dash + 1))) {
                return Revision{*generation, std::move(*hash)};
            }
        }
    }
    return Error{Code::bad_request, "Invalid rev format", {}};
}

}  // namespace divan::storage
