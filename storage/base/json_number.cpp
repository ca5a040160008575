#include "storage/base/json_number.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "storage/base/erlang_term.h"

namespace divan {
namespace {

// jiffy prints in full while the first digit's place is within these, else with an exponent.
constexpr int plain_exponent_min = -6;
constexpr int plain_exponent_max = 20;

// jiffy reads a number with strtod where it has fewer characters than this.
constexpr std::size_t jiffy_number_buffer = 32;

constexpr std::size_t chunk_digits = 18;
constexpr std::size_t word_digits_max = 18;  // Any integer of so many digits fits 64 bits.

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

char* copy(char* out, std::string_view bytes) {
    std::memcpy(out, bytes.data(), bytes.size());
    return out + bytes.size();
}

char* zeros(char* out, int count) {
    std::memset(out, '0', static_cast<std::size_t>(count));
    return out + count;
}

/// The magnitude of a decimal number as 64-bit words, the lowest first.
std::vector<std::uint64_t> words_of(std::string_view digits) {
    std::vector<std::uint64_t> words;
    while (!digits.empty()) {
        const auto chunk = digits.substr(0, std::min(chunk_digits, digits.size()));
        digits.remove_prefix(chunk.size());
        std::uint64_t carry = 0;
        std::uint64_t factor = 1;
        for (const char c : chunk) {
            carry = carry * 10 + static_cast<std::uint64_t>(c - '0');
            factor *= 10;
        }
        for (auto& word : words) {
            const auto product = static_cast<unsigned __int128>(word) * factor + carry;
            word = static_cast<std::uint64_t>(product);
            carry = static_cast<std::uint64_t>(product >> 64);
        }
        if (carry != 0) words.push_back(carry);
    }
    return words;
}

NumberRead big_integer(bool negative, std::string_view digits, ScratchBytes& term) {
    if (digits.size() > json_integer_digits_max) return NumberRead::bad;
    const auto words = words_of(digits);
    std::size_t count = words.size() * 8;
    const auto byte = [&](std::size_t i) { return static_cast<char>(words[i / 8] >> (i % 8 * 8)); };
    while (count > 0 && byte(count - 1) == 0) --count;
    char* out = term.room(count + 6);
    out = write_term_big_header(out, negative, count);
    for (std::size_t i = 0; i < count; ++i) *out++ = byte(i);
    term.end_at(out);
    return NumberRead::other;
}

NumberRead integer(std::string_view token, bool negative, std::uint64_t magnitude,
                   ScratchBytes& text, ScratchBytes& term) {
    const auto digits = token.substr(negative ? 1 : 0);
    if (digits.size() > word_digits_max) {
        text.append(token);
        return big_integer(negative, digits, term);
    }
    if (magnitude == 0) token = "0";  // Of "-0" too.
    text.append(token);
    const auto value =
        negative ? -static_cast<std::int64_t>(magnitude) : static_cast<std::int64_t>(magnitude);
    term.end_at(write_term_integer(term.room(term_integer_bytes_max), value));
    return value >= 0 && value <= 255 ? NumberRead::small : NumberRead::other;
}

NumberRead put_double(double value, ScratchBytes& text, ScratchBytes& term) {
    if (!std::isfinite(value)) return NumberRead::bad;
    text.end_at(write_json_double(text.room(json_double_bytes_max), value));
    term.end_at(write_term_double(term.room(term_double_bytes), value));
    return NumberRead::other;
}

double read_with_strtod(std::string_view token) {
    return std::strtod(std::string(token).c_str(), nullptr);
}

/// A number that jiffy leaves to Erlang code, because it is long, or is no normal double.
///
/// With a fraction, it is read as it stands. Without one, it is the integer before the exponent
/// times a power of ten, which may differ from the nearest double (jiffy:finish_decode/1).
NumberRead odd_double(std::string_view token, bool has_fraction, std::size_t exponent_at,
                      ScratchBytes& text, ScratchBytes& term) {
    const bool has_exponent = exponent_at != std::string_view::npos;
    const bool exponent_is_bare = has_exponent && !is_digit(token.back());
    if (token.size() >= jiffy_number_buffer && exponent_is_bare) return NumberRead::bad;
    if (has_fraction) return put_double(read_with_strtod(token), text, term);
    const double significand = read_with_strtod(token.substr(0, exponent_at));
    const double exponent = read_with_strtod(token.substr(exponent_at + 1));
    const double power = std::pow(10.0, exponent);
    if (!std::isfinite(significand) || !std::isfinite(power)) return NumberRead::bad;
    return put_double(significand * power, text, term);
}

/// `at` is where the digits before the point or the exponent end.
NumberRead floating(std::string_view token, std::size_t at, ScratchBytes& text,
                    ScratchBytes& term) {
    const bool has_fraction = token[at] == '.';
    if (has_fraction) {
        const std::size_t begin = ++at;
        while (at < token.size() && is_digit(token[at])) ++at;
        if (at == begin) return NumberRead::bad;
    }
    std::size_t exponent_at = std::string_view::npos;
    if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
        exponent_at = at++;
        if (at == token.size()) return NumberRead::bad;
        if (token[at] == '+' || token[at] == '-') ++at;
        while (at < token.size() && is_digit(token[at])) ++at;
    }
    if (at != token.size()) return NumberRead::bad;

    double value = 0;
    const auto read = std::from_chars(token.data(), token.data() + token.size(), value);
    const bool plain = read.ec == std::errc() && (value == 0 || std::isnormal(value));
    if (!plain || token.size() >= jiffy_number_buffer) {
        return odd_double(token, has_fraction, exponent_at, text, term);
    }
    return put_double(value, text, term);
}

}  // namespace

char* write_json_double(char* out, double value) {
    if (value == 0) return copy(out, "0.0");  // Of -0.0 too.
    // "d.ddde±xx", the shortest that reads back as `value`.
    std::array<char, 32> scientific;
    const auto end = std::to_chars(scientific.data(), scientific.data() + scientific.size(), value,
                                   std::chars_format::scientific)
                         .ptr;
    const char* from = scientific.data();
    if (*from == '-') *out++ = *from++;
    std::array<char, 20> digits;
    int count = 0;
    for (; *from != 'e'; ++from) {
        if (*from != '.') digits[static_cast<std::size_t>(count++)] = *from;
    }
    ++from;
    const bool negative_exponent = *from++ == '-';
    int exponent = 0;
    for (; from != end; ++from) exponent = exponent * 10 + (*from - '0');
    if (negative_exponent) exponent = -exponent;

    const std::string_view all(digits.data(), static_cast<std::size_t>(count));
    if (exponent < plain_exponent_min || exponent > plain_exponent_max) {
        *out++ = all[0];
        if (count > 1) *out++ = '.';
        out = copy(out, all.substr(1));
        *out++ = 'e';
        *out++ = negative_exponent ? '-' : '+';
        return std::to_chars(out, out + 4, std::abs(exponent)).ptr;
    }
    if (exponent < 0) {
        out = zeros(copy(out, "0."), -exponent - 1);
        return copy(out, all);
    }
    const auto before = static_cast<std::size_t>(exponent) + 1;
    if (all.size() <= before) {
        out = zeros(copy(out, all), static_cast<int>(before - all.size()));
        return copy(out, ".0");
    }
    out = copy(out, all.substr(0, before));
    *out++ = '.';
    return copy(out, all.substr(before));
}

NumberRead normalise_number(std::string_view token, ScratchBytes& text, ScratchBytes& term) {
    const bool negative = token[0] == '-';
    const std::size_t begin = negative ? 1 : 0;
    std::size_t at = begin;
    std::uint64_t magnitude = 0;  // Overflows only where there are too many digits to use it.
    while (at < token.size() && is_digit(token[at])) {
        magnitude = magnitude * 10 + static_cast<std::uint64_t>(token[at++] - '0');
    }
    if (at == begin || (token[begin] == '0' && at > begin + 1)) return NumberRead::bad;
    if (at == token.size()) return integer(token, negative, magnitude, text, term);
    return floating(token, at, text, term);
}

}  // namespace divan
