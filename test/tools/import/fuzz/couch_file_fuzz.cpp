// Reads mutated database files, and expects of every one that it is read or refused: no crash, no
// hang, no memory that only the file's claims ask for.
//
//   couch_file_fuzz [--files N] [--seed S]      (5000 files, seed 1)
//
// Half of the files are changed as they stand, which their checksums mostly find; the other half
// before their checksums are made, so that whatever reads terms, nodes and bodies meets them.

#include <sys/resource.h>
#include <sys/time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "test/tools/import/fuzz/memory_file.h"
#include "test/tools/import/fuzz/read_all.h"
#include "test/tools/import/fuzz/seeds.h"

namespace {

using namespace divan::import;

constexpr time_t one_file_seconds_max = 60;
// The sanitizer maps terabytes; its own limit does there (max_allocation_size_mb).
#if defined(DIVAN_SANITIZED)
constexpr rlim_t memory_bytes_max = RLIM_INFINITY;
#else
constexpr rlim_t memory_bytes_max = 512U << 20;
#endif

// A file of a few kilobytes that asks for more ends the program.
void limit_memory() {
    const rlimit limit{memory_bytes_max, memory_bytes_max};
    if (setrlimit(RLIMIT_AS, &limit) != 0) std::abort();
}

// Of the processor's time, which a busy machine does not shorten: SIGVTALRM ends a hang.
void limit_time() {
    const itimerval limit{{0, 0}, {one_file_seconds_max, 0}};
    if (setitimer(ITIMER_VIRTUAL, &limit, nullptr) != 0) std::abort();
}

std::string mutant(std::mt19937_64& random) {
    const auto shape = static_cast<int>(random() % seed_shapes);
    if (random() % 2 == 0) {
        static const std::string whole[seed_shapes] = {seed_file(0, {}), seed_file(1, {}),
                                                       seed_file(2, {}), seed_file(3, {})};
        auto bytes = whole[shape];
        mutate(bytes, random);
        return bytes;
    }
    return seed_file(shape % 2, [&](std::string& piece) {
        if (random() % 8 == 0) mutate(piece, random);
    });
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t files = 5000;
    std::uint64_t seed = 1;
    for (int at = 1; at + 1 < argc; at += 2) {
        if (std::strcmp(argv[at], "--files") == 0) files = std::strtoull(argv[at + 1], nullptr, 10);
        if (std::strcmp(argv[at], "--seed") == 0) seed = std::strtoull(argv[at + 1], nullptr, 10);
    }
    limit_memory();
    const MemoryFile file;
    std::uint64_t refused = 0, damaged = 0, documents = 0;
    for (std::uint64_t number = 0; number < files; ++number) {
        std::mt19937_64 random(seed * 1'000'003 + number);
        file.replace(mutant(random));
        limit_time();
        try {
            const auto all = read_all(file.path());
            refused += all.refused ? 1 : 0;
            damaged += all.damaged > 0 ? 1 : 0;
            documents += all.documents;
        } catch (const std::exception& failure) {
            std::fprintf(stderr, "file %llu of seed %llu: %s\n",
                         static_cast<unsigned long long>(number),
                         static_cast<unsigned long long>(seed), failure.what());
            return 1;
        }
        if ((number + 1) % 100'000 == 0) {
            std::printf("%llu files\n", static_cast<unsigned long long>(number + 1));
            std::fflush(stdout);
        }
    }
    std::printf("%llu files: %llu refused, %llu damaged, %llu documents read\n",
                static_cast<unsigned long long>(files), static_cast<unsigned long long>(refused),
                static_cast<unsigned long long>(damaged),
                static_cast<unsigned long long>(documents));
    // A test that reads nothing tests nothing.
    return documents > 0 && damaged > 0 ? 0 : 1;
}
