#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/base/bytes.h"

namespace divan {

// Erlang's external term format, as far as JSON needs it. CouchDB's revision ids are digests of
// it, and Divan's parser keeps the members of a document that it takes apart in this form.

enum class TermTag : std::uint8_t {
    float_ = 70,
    small_integer = 97,
    integer = 98,
    atom = 100,
    tuple = 104,
    nil = 106,
    bytes_list = 107,  ///< A list of integers 0 to 255, written shorter.
    list = 108,
    binary = 109,
    small_big = 110,
    large_big = 111,
};

inline constexpr std::size_t term_integer_bytes_max = 11;
inline constexpr std::size_t term_double_bytes = 9;
inline constexpr std::size_t term_header_bytes = 5;  ///< Of a list or a binary: tag and count.
inline constexpr std::uint8_t term_version = 131;

inline char* write_term_tag(char* out, TermTag tag) {
    *out++ = static_cast<char>(tag);
    return out;
}

inline char* write_big_endian32(char* out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) *out++ = static_cast<char>(value >> shift);
    return out;
}

/// The header of a list or a binary.
inline char* write_term_header(char* out, TermTag tag, std::size_t count) {
    return write_big_endian32(write_term_tag(out, tag), static_cast<std::uint32_t>(count));
}

/// The header of a big integer of `count` magnitude bytes, which follow lowest first.
inline char* write_term_big_header(char* out, bool negative, std::size_t count) {
    if (count <= 255) {
        out = write_term_tag(out, TermTag::small_big);
        *out++ = static_cast<char>(count);
    } else {
        out = write_term_header(out, TermTag::large_big, count);
    }
    *out++ = negative ? 1 : 0;
    return out;
}

inline char* write_term_integer(char* out, std::int64_t value) {
    if (value >= 0 && value <= 255) {
        out = write_term_tag(out, TermTag::small_integer);
        *out++ = static_cast<char>(value);
        return out;
    }
    if (value == static_cast<std::int32_t>(value)) {
        out = write_term_tag(out, TermTag::integer);
        return write_big_endian32(out, static_cast<std::uint32_t>(value));
    }
    const bool negative = value < 0;
    std::uint64_t magnitude = static_cast<std::uint64_t>(value);
    if (negative) magnitude = 0 - magnitude;
    const auto count = static_cast<std::size_t>((std::bit_width(magnitude) + 7) / 8);
    out = write_term_big_header(out, negative, count);
    for (; magnitude != 0; magnitude >>= 8) *out++ = static_cast<char>(magnitude);
    return out;
}

inline char* write_term_double(char* out, double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    out = write_term_tag(out, TermTag::float_);
    out = write_big_endian32(out, static_cast<std::uint32_t>(bits >> 32));
    return write_big_endian32(out, static_cast<std::uint32_t>(bits));
}

/// One term, seen in bytes that this server wrote. Throws `CorruptBytes` where they are not.
class TermView {
public:
    explicit TermView(BytesView bytes) : bytes_(bytes) {}

    bool is_object() const;
    bool is_list() const;
    std::optional<bool> boolean() const;
    /// Empty where this is no integer, or does not fit.
    std::optional<std::int64_t> integer() const;
    bool is_integer() const;
    bool is_null() const;
    std::optional<BytesView> binary() const;
    /// A binary, or a list of small integers: Erlang code that takes strings takes both.
    std::optional<BytesView> text() const;

    /// Calls `each(key, value)` for the members of an object, in order.
    template <class Each>
    void members(Each&& each) const {
        walk_object([&](BytesView key, TermView value) {
            each(key, value);
            return true;
        });
    }
    /// Calls `each(item)` for the items of a list that is not one of small integers.
    template <class Each>
    void items(Each&& each) const {
        ByteReader in(bytes_);
        for (auto left = list_count(in); left > 0; --left) each(TermView(take(in)));
    }
    /// Empty where this is no object, or has no such member.
    std::optional<TermView> find(BytesView key) const;

private:
    template <class Each>
    void walk_object(Each&& each) const {
        ByteReader in(bytes_.substr(2));
        for (auto left = list_count(in); left > 0; --left) {
            in.raw(2);  // A pair.
            const auto key = TermView(take(in)).binary();
            if (!key) throw CorruptBytes();
            if (!each(*key, TermView(take(in)))) return;
        }
    }
    TermTag tag() const;
    static std::uint32_t list_count(ByteReader& in);
    static BytesView take(ByteReader& in);

    BytesView bytes_;
};

}  // namespace divan
