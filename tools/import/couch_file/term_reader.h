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
    Tag peek() const {
        if (rest_.empty()) ends_early();
        return static_cast<Tag>(static_cast<unsigned char>(rest_.front()));
    }
    std::uint8_t u8() {
        const auto byte = static_cast<std::uint8_t>(peek());
        rest_.remove_prefix(1);
        return byte;
    }
    std::uint16_t u16() {
        const auto high = u8();
        return static_cast<std::uint16_t>(high << 8 | u8());
    }
    std::uint32_t u32() {
        const std::uint32_t high = u16();
        return high << 16 | u16();
    }
    std::string_view raw(std::size_t size) {
        if (size > rest_.size()) ends_early();
        const auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
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
    [[noreturn]] static void ends_early();

    std::string_view rest_;
};

}  // namespace divan::import
