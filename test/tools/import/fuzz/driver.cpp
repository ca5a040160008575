// What libFuzzer does, as far as a smoke test needs it: calls LLVMFuzzerTestOneInput with mutated
// pieces of database files, from a fixed seed.
//
//   x_fuzz [RUNS]      (20000)
//
// With -DDIVAN_LIBFUZZER=ON and clang++ as the compiler the same targets are libFuzzer's own.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "test/tools/import/fuzz/seeds.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    using namespace divan::import;
    const auto runs = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20'000;
    std::vector<std::string> pieces;
    for (int shape = 0; shape < seed_shapes; ++shape) {
        pieces.push_back(seed_file(shape, [&](std::string& piece) { pieces.push_back(piece); }));
    }
    for (std::uint64_t run = 0; run < runs; ++run) {
        std::mt19937_64 random(run);
        auto bytes = pieces[random() % pieces.size()];
        mutate(bytes, random);
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    }
    std::printf("%llu runs\n", static_cast<unsigned long long>(runs));
    return 0;
}
