#include "tools/import/couch_file/term_reader.h"

#include <bit>
#include <charconv>

#include "tools/import/couch_file/damage.h"

namespace divan::import {
namespace {

constexpr std::size_t old_float_bytes = 31;

}  // namespace

Tag TermReader::peek() const {
    if (rest_.empty()) throw Damage("a term ends early");
    return static_cast<Tag>(static_cast<unsigned char>(rest_.front()));
}

std::string_view TermReader::raw(std::size_t size) {
    if (size > rest_.size()) throw Damage("a term ends early");
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
}

std::uint8_t TermReader::u8() {
    return static_cast<std::uint8_t>(raw(1).front());
}

std::uint16_t TermReader::u16() {
    const auto high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
}

std::uint32_t TermReader::u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
}

std::uint32_t TermReader::count(std::uint32_t claimed) const {
    if (claimed > rest_.size()) throw Damage("a term claims more parts than it has bytes");
    return claimed;
}

void TermReader::version() {
    if (u8() != term_version) throw Damage("a term does not begin with Erlang's version byte");
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
