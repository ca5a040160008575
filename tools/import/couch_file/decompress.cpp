#include <snappy.h>

#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/term.h"
#include "tools/import/couch_file/term_reader.h"
#include "tools/import/unpack.h"

namespace divan::import {
namespace {

constexpr char snappy_prefix = 1;
constexpr std::string_view zstd_magic = "\x28\xB5\x2F\xFD";
// CouchDB never wrote larger terms; what claims more is made to fill memory.
constexpr std::size_t term_bytes_max = 2'000'000'000;
constexpr std::size_t snappy_ratio_max = 64;

std::string unsnappy(std::string_view bytes) {
    std::size_t size = 0;
    const bool told = snappy::GetUncompressedLength(bytes.data(), bytes.size(), &size);
    if (!told || size / snappy_ratio_max > bytes.size()) throw Damage("broken snappy data");
    std::string out;
    if (!snappy::Uncompress(bytes.data(), bytes.size(), &out)) throw Damage("broken snappy data");
    return out;
}

}  // namespace

std::string decompress_term(std::string_view bytes) {
    if (bytes.empty()) throw Damage("an empty term");
    if (bytes.front() == snappy_prefix) return unsnappy(bytes.substr(1));
    if (bytes.starts_with(zstd_magic)) {
        const auto inner = unpack(Unpacker::Format::zstd, bytes, term_bytes_max);
        if (inner.starts_with(zstd_magic)) throw Damage("a term that is compressed twice");
        return decompress_term(inner);
    }
    TermReader in(bytes);
    in.version();
    if (in.peek() != Tag::compressed) return std::string(bytes);
    in.tag();
    in.u32();  // the size, which the data tells by themselves
    return std::string(1, static_cast<char>(term_version)) +
           unpack(Unpacker::Format::zlib, in.rest(), term_bytes_max);
}

// What is not compressed stays where it is.
std::string decompressed(std::string bytes) {
    TermReader in(bytes);
    const bool plain = bytes.size() > 1 && in.u8() == term_version && in.peek() != Tag::compressed;
    return plain ? std::move(bytes) : decompress_term(bytes);
}

}  // namespace divan::import
