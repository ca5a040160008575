#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "storage/base/random.h"

// Which one of the two forms answers is the linker's doing; see storage/engine/rocks_checksum.cpp.
namespace rocksdb::crc32c {
std::uint32_t Extend(std::uint32_t crc, const char* data, std::size_t size);
}

namespace divan::storage {
namespace {

// Bit by bit, from the polynomial.
std::uint32_t slow_extend(std::uint32_t crc, const std::string& bytes) {
    std::uint32_t state = ~crc;
    for (const char byte : bytes) {
        state ^= static_cast<unsigned char>(byte);
        for (int bit = 0; bit < 8; ++bit) state = state >> 1 ^ (state & 1 ? 0x82f63b78U : 0);
    }
    return ~state;
}

}  // namespace

TEST_CASE("checksums: the published check value of CRC-32C") {
    CHECK(rocksdb::crc32c::Extend(0, "123456789", 9) == 0xe3069283U);
}

TEST_CASE("checksums: every length and start gives what the polynomial says") {
    const std::string bytes = random_bytes(2000);
    for (std::size_t start = 0; start < 9; ++start) {
        for (std::size_t size = 0; size < 200; ++size) {
            CAPTURE(start);
            CAPTURE(size);
            const std::string piece = bytes.substr(start, size);
            const auto crc = static_cast<std::uint32_t>(start * 0x9e3779b9U);
            CHECK(rocksdb::crc32c::Extend(crc, bytes.data() + start, size) ==
                  slow_extend(crc, piece));
        }
    }
    CHECK(rocksdb::crc32c::Extend(1, bytes.data(), bytes.size()) == slow_extend(1, bytes));
}

}  // namespace divan::storage
