#include "tools/bench/documents.h"

#include <fmt/format.h>

#include <array>

namespace divan::bench {
namespace {

constexpr std::array<std::string_view, 24> words = {
    "amber", "birch",  "cedar", "delta",  "ember", "fjord",   "grove", "harbour",
    "inlet", "juniper", "knoll", "linden", "maple", "nettle",  "orchid", "pebble",
    "quartz", "river", "slate", "thistle", "umber", "valley", "willow", "zephyr"};

std::string_view word(Numbers& numbers) {
    return words[numbers.below(words.size())];
}

}  // namespace

std::uint64_t Numbers::next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

std::string make_document(std::uint64_t number, std::size_t bytes, std::string_view id) {
    Numbers numbers(number);
    std::string out = "{";
    if (!id.empty()) out += fmt::format(R"("_id":"{}",)", id);
    out += fmt::format(R"("type":"{}","number":{},"weight":{}.{},"open":{},)", word(numbers),
                       numbers.below(1000000), numbers.below(200), 1 + numbers.below(9),
                       numbers.below(2) == 0 ? "true" : "false");
    out += fmt::format(R"("at":"20{:02}-{:02}-{:02}T{:02}:00:00.000Z",)", 10 + numbers.below(16),
                       1 + numbers.below(12), 1 + numbers.below(28), numbers.below(24));
    out += fmt::format(R"("tags":["{}","{}"],"owner":{{"name":"{} {}","level":{}}},"text":")",
                       word(numbers), word(numbers), word(numbers), word(numbers),
                       numbers.below(10));
    while (out.size() + 2 < bytes) {
        out += word(numbers);
        out += ' ';
    }
    if (bytes > 2 && out.size() > bytes - 2) out.resize(bytes - 2);
    out += "\"}";
    return out;
}

std::string make_noise(std::uint64_t seed, std::size_t bytes) {
    Numbers numbers(seed);
    std::string out;
    out.reserve(bytes + 8);
    while (out.size() < bytes) {
        std::uint64_t number = numbers.next();
        for (int i = 0; i < 8; ++i, number >>= 8) out += static_cast<char>(number & 255);
    }
    out.resize(bytes);
    return out;
}

std::string make_id(std::uint64_t number) {
    return fmt::format("d{:015}", number);
}

}  // namespace divan::bench
