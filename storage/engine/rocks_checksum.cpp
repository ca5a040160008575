#include <cstddef>
#include <cstdint>

// RocksDB puts a CRC-32C on every log record and every blob. Debian builds it for the first x86-64
// processors, without the instruction for it, and its table-driven form takes more time than all
// else that an attachment goes through. So the linker sends calls of rocksdb::crc32c::Extend here
// (`--wrap`, see CMakeLists.txt), where the processor is asked whether it has the instruction.
// The values are the same: what is on the disk does not change.

#if defined(__x86_64__)

#include <nmmintrin.h>

#include <cstring>

extern "C" {

std::uint32_t __real__ZN7rocksdb6crc32c6ExtendEjPKcm(std::uint32_t crc, const char* data,
                                                     std::size_t size);
std::uint32_t __wrap__ZN7rocksdb6crc32c6ExtendEjPKcm(std::uint32_t crc, const char* data,
                                                     std::size_t size);
}

namespace {

__attribute__((target("sse4.2"))) std::uint32_t extend(std::uint32_t crc, const char* data,
                                                       std::size_t size) {
    std::uint64_t state = crc ^ 0xffffffffU;
    for (; size >= sizeof state; data += sizeof state, size -= sizeof state) {
        std::uint64_t word = 0;
        std::memcpy(&word, data, sizeof word);
        state = _mm_crc32_u64(state, word);
    }
    auto rest = static_cast<std::uint32_t>(state);
    for (; size > 0; ++data, --size) rest = _mm_crc32_u8(rest, static_cast<unsigned char>(*data));
    return rest ^ 0xffffffffU;
}

}  // namespace

std::uint32_t __wrap__ZN7rocksdb6crc32c6ExtendEjPKcm(std::uint32_t crc, const char* data,
                                                     std::size_t size) {
    static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
    return has_instruction ? extend(crc, data, size)
                           : __real__ZN7rocksdb6crc32c6ExtendEjPKcm(crc, data, size);
}

#endif
