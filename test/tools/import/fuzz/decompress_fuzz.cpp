// Strategy: any bytes as a compressed term, and as the data of each compression by itself.
// Invariants: bytes, or `Damage`; never more than the packed bytes can hold.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/term.h"
#include "tools/import/unpack.h"

using namespace divan::import;

namespace {

void check(std::string_view bytes) {
    constexpr std::size_t ratio_max = 66'000;  // zstd's runs; deflate makes 1032, snappy 64
    try {
        if (decompress_term(bytes).size() > bytes.size() * ratio_max) std::abort();
    } catch (const Damage&) {
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check(bytes);
    check("\1" + std::string(bytes));
    check("\x83P" + std::string(4, '\0') + std::string(bytes));
    for (const auto format : {Unpacker::Format::zlib, Unpacker::Format::gzip,
                              Unpacker::Format::zstd}) {
        try {
            unpack(format, bytes, 1U << 20);
        } catch (const Damage&) {
        }
    }
    return 0;
}
