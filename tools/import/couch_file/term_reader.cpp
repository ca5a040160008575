#include "tools/import/couch_file/term_reader.h"

#include <bit>
#include <charconv>

#include "tools/import/couch_file/damage.h"

namespace divan::import {
namespace {

constexpr std::size_t old_float_bytes = 31;

}  // namespace

void TermReader::ends_early() {
    throw Damage("a term ends early");
}

void TermReader::version() {
    if (u8() != term_version) throw Damage("a term does not begin with Erlang's version byte");
}

std::uint32_t TermReader::count(std::uint32_t claimed) const {
    if (claimed > rest_.size()) throw Damage("a term claims more parts than it has bytes");
    return claimed;
}

double TermReader::real(Tag tag) {
    if (tag == Tag::old_float) {  // "%.20e" and zeros
        const auto text = raw(old_float_bytes);
        double value = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
        if (read.ec != std::errc()) throw Damage("a float that is none");
        return value;
    }
    const std::uint64_t high = u32();
    return std::bit_cast<double>(high << 32 | u32());
}

std::string_view TermReader::atom(Tag tag) {
    const bool small = tag == Tag::small_atom || tag == Tag::small_atom_utf8;
    return raw(small ? u8() : u16());
}

TermReader::Big TermReader::big(Tag tag) {
    const std::uint32_t size = tag == Tag::small_big ? u8() : u32();
    const bool negative = u8() != 0;
    return {negative, raw(size)};
}

}  // namespace divan::import
