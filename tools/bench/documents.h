#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace divan::bench {

/// Pseudo-random numbers, the same ones for the same seed on every machine (SplitMix64).
class Numbers {
public:
    explicit Numbers(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next();
    std::uint64_t below(std::uint64_t limit) { return next() % limit; }

private:
    std::uint64_t state_;
};

/// A JSON object of `bytes` bytes (200 at least) that looks like an application's document: words,
/// integers, fractions, a date, a list, an object. The same for the same number. With `id` its
/// first member is `_id`.
std::string make_document(std::uint64_t number, std::size_t bytes, std::string_view id = {});

/// Bytes that do not compress.
std::string make_noise(std::uint64_t seed, std::size_t bytes);

/// "d" and 15 digits: a fixed width, so that one can be written over another.
std::string make_id(std::uint64_t number);
inline constexpr std::size_t id_bytes = 16;

}  // namespace divan::bench
