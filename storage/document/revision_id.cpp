#include <array>
#include <cstring>

#include "storage/base/erlang_term.h"
#include "storage/document/client_document.h"

namespace divan::storage {
namespace {

// Larger bodies are digested where they are instead of being copied behind the head.
constexpr std::size_t copied_body_bytes_max = 16 * 1024;

constexpr std::uint32_t seed_parts = 5;

void append_header(std::string& out, TermTag tag, std::size_t count) {
    std::array<char, term_header_bytes> bytes;
    write_term_header(bytes.data(), tag, count);
    out.append(bytes.data(), bytes.size());
}

void append_binary(std::string& out, std::string_view bytes) {
    append_header(out, TermTag::binary, bytes.size());
    out.append(bytes);
}

void append_integer(std::string& out, std::int64_t value) {
    std::array<char, term_integer_bytes_max> bytes;
    const char* end = write_term_integer(bytes.data(), value);
    out.append(bytes.data(), static_cast<std::size_t>(end - bytes.data()));
}

void append_atom(std::string& out, std::string_view name) {
    out.push_back(static_cast<char>(TermTag::atom));
    out.push_back(0);
    out.push_back(static_cast<char>(name.size()));
    out.append(name);
}

/// [Deleted, OldStart, OldRev, …
void append_head(std::string& out, bool deleted, const Revision* parent) {
    out.push_back(static_cast<char>(term_version));
    append_header(out, TermTag::list, seed_parts);
    append_atom(out, deleted ? "true" : "false");
    if (parent) {
        append_integer(out, static_cast<std::int64_t>(parent->generation));
        append_binary(out, parent->hash.bytes());
    } else {
        append_integer(out, 0);
        append_integer(out, 0);
    }
}

/// … Atts]. CouchDB gathers the attachments at the head of a list, so they come in reverse.
void append_attachments(std::string& out, std::span<const AttachmentSeed> attachments) {
    if (!attachments.empty()) append_header(out, TermTag::list, attachments.size());
    for (auto seed = attachments.rbegin(); seed != attachments.rend(); ++seed) {
        out.push_back(static_cast<char>(TermTag::tuple));
        out.push_back(3);
        if (seed->undescribed) {
            for (int i = 0; i < 3; ++i) append_atom(out, "undefined");
            continue;
        }
        append_binary(out, seed->name);
        append_binary(out, seed->content_type);
        append_binary(out, as_bytes(seed->digest));
    }
    out.push_back(static_cast<char>(TermTag::nil));  // Ends the attachments.
    out.push_back(static_cast<char>(TermTag::nil));  // Ends the five.
}

}  // namespace

Revision new_revision(bool deleted, const Revision* parent, std::string_view body_term,
                      std::span<const AttachmentSeed> attachments) {
    thread_local std::string seed;
    seed.clear();
    append_head(seed, deleted, parent);
    Md5Digest digest;
    if (body_term.size() <= copied_body_bytes_max) {
        seed.append(body_term);
        append_attachments(seed, attachments);
        digest = md5(seed);
    } else {
        Md5 stream;
        stream.update(seed);
        stream.update(body_term);
        seed.clear();
        append_attachments(seed, attachments);
        stream.update(seed);
        digest = stream.finish();
    }
    return {(parent ? parent->generation : 0) + 1, RevisionHash(as_bytes(digest))};
}

}  // namespace divan::storage
