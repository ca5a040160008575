#pragma once

#include <cstddef>
#include <string_view>

#include "storage/base/scratch_bytes.h"

namespace divan {

/// The longest text that `write_json_double` writes.
inline constexpr std::size_t json_double_bytes_max = 32;

/// Integers of more digits are refused: reading one costs the square of its length.
inline constexpr std::size_t json_integer_digits_max = 10'000;

/// Writes a finite double as CouchDB prints it, and returns the end.
char* write_json_double(char* out, double value);

/// What a number became.
enum class NumberRead { bad, small, other };  ///< `small`: an integer from 0 to 255.

/// Appends the number whose text is `token` as CouchDB prints it, and as Erlang external term.
///
/// Takes what jiffy takes: JSON's grammar, and besides it an exponent without digits after its sign
/// ("1e+"). Refuses what is too large for a double.
NumberRead normalise_number(std::string_view token, ScratchBytes& text, ScratchBytes& term);

}  // namespace divan
