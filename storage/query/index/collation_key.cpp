#include "storage/query/index/collation_key.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "storage/query/collation.h"

// A value is a tag and what belongs to it. Tags have the order of the kinds; 0 ends arrays and
// objects, so that a shorter one precedes those that go on. Numbers are written by their exact
// value, whatever their form (1 and 1.0 are one key): a sign in the tag, the binary exponent, then
// the binary fraction in groups of seven bits, the lowest bit of a byte saying whether more follow.
// Of negative ones all bits are turned round.

namespace divan::storage {
namespace {

using Kind = JsonText::Kind;

struct Tags {
    char null, false_, true_, negative, zero, positive, string, array, object;
};
constexpr Tags unicode_tags{1, 2, 3, 4, 5, 6, 7, 8, 9};
constexpr Tags raw_tags{5, 4, 6, 1, 2, 3, 9, 8, 7};
constexpr char end_tag = 0;

const Tags& tags_of(Collation collation) {
    return collation == Collation::raw ? raw_tags : unicode_tags;
}

/// A magnitude: 1.fraction times two to the power `exponent`.
struct Magnitude {
    int exponent = 0;
    std::span<const std::uint64_t> fraction;  ///< Highest bits first.
};

/// Above that of the least double, and below 2^16 for integers of ten thousand digits.
constexpr int exponent_bias = 1100;
constexpr int word_bits = 64;
constexpr int group_bits = 7;

class FractionBits {
public:
    explicit FractionBits(std::span<const std::uint64_t> words) : words_(words) {
        while (!words_.empty() && words_.back() == 0) words_ = words_.first(words_.size() - 1);
        if (words_.empty()) return;
        size_ = static_cast<int>(words_.size()) * word_bits - std::countr_zero(words_.back());
    }
    int size() const { return size_; }
    /// Seven bits from `at` on; zeros beyond the end.
    unsigned group(int at) const {
        const auto index = static_cast<std::size_t>(at / word_bits);
        const int shift = at % word_bits;
        const auto word = [&](std::size_t i) { return i < words_.size() ? words_[i] : 0; };
        auto bits = word(index) << shift;
        if (shift > word_bits - group_bits) bits |= word(index + 1) >> (word_bits - shift);
        return static_cast<unsigned>(bits >> (word_bits - group_bits));
    }

private:
    std::span<const std::uint64_t> words_;
    int size_ = 0;
};

void append_magnitude(Bytes& out, const Magnitude& magnitude, bool negative, const Tags& tags) {
    const unsigned flip = negative ? 0xFFU : 0U;
    const auto put = [&](unsigned byte) {
        out.push_back(static_cast<char>((byte ^ flip) & 0xFFU));
    };
    out.push_back(negative ? tags.negative : tags.positive);
    const auto exponent = static_cast<unsigned>(magnitude.exponent + exponent_bias);
    put(exponent >> 8U);
    put(exponent);
    const FractionBits bits(magnitude.fraction);
    int at = 0;
    do {
        const bool more = at + group_bits < bits.size();
        put(bits.group(at) << 1U | (more ? 1U : 0U));
        at += group_bits;
    } while (at < bits.size());
}

/// Of an integer that is not 0, times two to the power `scale`.
void append_small(Bytes& out, std::uint64_t integer, int scale, bool negative, const Tags& tags) {
    const auto width = static_cast<int>(std::bit_width(integer));
    const std::uint64_t fraction = width == 1 ? 0 : integer << (word_bits + 1 - width);
    append_magnitude(out,
                     {
                         width - 1 + scale, {&fraction, 1}
    },
                     negative, tags);
}

void append_double(Bytes& out, double value, const Tags& tags) {
    if (value == 0) {
        out.push_back(tags.zero);
        return;
    }
    constexpr int mantissa_bits = 53;
    int exponent = 0;
    const double mantissa = std::frexp(std::fabs(value), &exponent);
    append_small(out, static_cast<std::uint64_t>(std::ldexp(mantissa, mantissa_bits)),
                 exponent - mantissa_bits, value < 0, tags);
}

/// The binary form of decimal digits, lowest word first.
std::vector<std::uint32_t> binary_of(std::string_view digits) {
    constexpr std::size_t chunk_digits = 9;
    std::vector<std::uint32_t> words;
    for (std::size_t at = 0; at < digits.size();) {
        const auto size = std::min(chunk_digits, digits.size() - at);
        std::uint64_t carry = 0;
        std::from_chars(digits.data() + at, digits.data() + at + size, carry);
        std::uint64_t factor = 1;
        for (std::size_t i = 0; i < size; ++i) factor *= 10;
        for (auto& word : words) {
            carry += word * factor;
            word = static_cast<std::uint32_t>(carry);
            carry >>= 32U;
        }
        if (carry != 0) words.push_back(static_cast<std::uint32_t>(carry));
        at += size;
    }
    return words;
}

void append_large(Bytes& out, std::string_view digits, bool negative, const Tags& tags) {
    const auto words = binary_of(digits);
    // The highest word's leading one goes out to the left.
    const auto width = static_cast<int>(std::bit_width(words.back()));
    std::vector<std::uint64_t> fraction;
    std::uint64_t bits = words.size() > 1 ? words[words.size() - 2] : 0;
    bits |= static_cast<std::uint64_t>(words.back()) << 32U;
    const int shift = word_bits / 2 + 1 - width;
    for (std::size_t left = words.size(); left > 0; left -= std::min<std::size_t>(left, 2)) {
        const auto word = [&](std::size_t back) -> std::uint64_t {
            return left > back ? words[left - 1 - back] : 0;
        };
        const auto high = word(0) << 32U | word(1);
        const auto low = word(2) << 32U;
        fraction.push_back(high << shift | (shift == 0 ? 0 : low >> (word_bits - shift)));
    }
    const int exponent = static_cast<int>(words.size() - 1) * 32 + width - 1;
    append_magnitude(out, {exponent, fraction}, negative, tags);
}

void append_number(Bytes& out, std::string_view number, const Tags& tags) {
    constexpr std::size_t small_digits_max = 19;
    if (number.find_first_of(".eE") != std::string_view::npos) {
        double value = 0;
        std::from_chars(number.data(), number.data() + number.size(), value);
        return append_double(out, value, tags);
    }
    const bool negative = number.starts_with('-');
    number.remove_prefix(negative ? 1 : 0);
    number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
    if (number.empty()) {
        out.push_back(tags.zero);
        return;
    }
    if (number.size() > small_digits_max) return append_large(out, number, negative, tags);
    std::uint64_t integer = 0;
    std::from_chars(number.data(), number.data() + number.size(), integer);
    append_small(out, integer, 0, negative, tags);
}

void append_string(Bytes& out, const JsonText& value, Collation collation) {
    std::string scratch;
    const auto text = value.string(scratch);
    if (collation == Collation::raw) {
        ByteWriter(out).ordered(text);
    } else {
        append_sort_key(out, text);
    }
}

void append_value(Bytes& out, const JsonText& value, Collation collation) {
    const auto& tags = tags_of(collation);
    switch (value.kind()) {
        case Kind::null:
            out.push_back(tags.null);
            return;
        case Kind::boolean:
            out.push_back(value.boolean() ? tags.true_ : tags.false_);
            return;
        case Kind::number:
            append_number(out, value.number(), tags);
            return;
        case Kind::string:
            out.push_back(tags.string);
            append_string(out, value, collation);
            return;
        case Kind::array: {
            out.push_back(tags.array);
            JsonItems items(value);
            while (const auto item = items.next()) append_value(out, *item, collation);
            break;
        }
        case Kind::object: {
            out.push_back(tags.object);
            JsonMembers members(value);
            while (members.next()) {
                append_value(out, members.key(), collation);
                append_value(out, members.value(), collation);
            }
            break;
        }
    }
    out.push_back(end_tag);
}

}  // namespace

void append_collation_key(Bytes& out, const JsonText& value, Collation collation) {
    append_value(out, value, collation);
}

Bytes collation_key(const JsonText& value, Collation collation) {
    Bytes key;
    append_value(key, value, collation);
    return key;
}

std::size_t group_prefix_bytes(const JsonText& value, std::size_t items, Collation collation) {
    Bytes key;
    if (value.kind() != Kind::array) {
        append_value(key, value, collation);
        return key.size();
    }
    key.push_back(tags_of(collation).array);
    JsonItems left(value);
    for (std::size_t i = 0; i < items; ++i) {
        const auto item = left.next();
        if (!item) return key.size() + 1;  // Its end belongs to it.
        append_value(key, *item, collation);
    }
    return key.size();
}

}  // namespace divan::storage
