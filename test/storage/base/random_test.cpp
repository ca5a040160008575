#include "storage/base/random.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

namespace divan {

TEST_CASE("random: bytes come in the number asked for") {
    for (const std::size_t count : {0, 1, 16, 127, 128, 129, 5'000}) {
        CHECK(random_bytes(count).size() == count);
    }
    CHECK(random_bytes(32) != random_bytes(32));
    CHECK(random_u64() != random_u64());
}

TEST_CASE("random: a uuid is 32 hexadecimal digits, and no two are the same on any thread") {
    constexpr int per_thread = 5'000;
    std::vector<std::vector<std::string>> made(4);
    std::vector<std::thread> threads;
    for (auto& uuids : made) {
        threads.emplace_back([&uuids] {
            for (int i = 0; i < per_thread; ++i) uuids.push_back(random_uuid());
        });
    }
    for (auto& thread : threads) thread.join();

    std::set<std::string> all;
    for (const auto& uuids : made) all.insert(uuids.begin(), uuids.end());
    CHECK(all.size() == 4 * per_thread);
    CHECK(all.begin()->size() == 32);
    CHECK(all.begin()->find_first_not_of("0123456789abcdef") == std::string::npos);
}

}  // namespace divan
