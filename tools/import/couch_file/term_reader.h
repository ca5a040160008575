#pragma once

#include <cstdint>
#include <string_view>

namespace divan::import {

/// Tags of Erlang's external term format, as CouchDB's versions of Erlang wrote it since 2009.
enum class Tag : std::uint8_t {
    compressed = 80,
    new_float = 70,
    small_integer = 97,
    integer = 98,
    old_float = 99,
    atom = 100,
    small_tuple = 104,
    large_tuple = 105,
    nil = 106,
    bytes_list = 107,
    list = 108,
    binary = 109,
    small_big = 110,
    large_big = 111,
    small_atom = 115,
    atom_utf8 = 118,
    small_atom_utf8 = 119,
};

inline constexpr unsigned char term_version = 131;
/// Deeper terms are taken for an attack on the stack, which sanitizers fill sooner.
inline constexpr int term_depth_max = 2000;

/// Walks terms in bytes. Every read past the end throws `Damage`.
class TermReader {
public:
    explicit TermReader(std::string_view bytes) : rest_(bytes) {}

    Tag tag() { return static_cast<Tag>(u8()); }
    Tag peek() const;
    std::uint8_t u8();
    std::uint16_t u16();
    std::uint32_t u32();
    std::string_view raw(std::size_t size);
    /// A count of things that take at least a byte each.
    std::uint32_t count(std::uint32_t claimed) const;
    void version();
    std::string_view rest() const { return rest_; }

    // What follows a tag.
    double real(Tag tag);
    std::string_view atom(Tag tag);
    struct Big {
        bool negative;
        std::string_view magnitude;  ///< Lowest byte first.
    };
    Big big(Tag tag);

private:
    std::string_view rest_;
};

}  // namespace divan::import
