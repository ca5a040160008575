#include "storage/base/lru_map.h"

#include <doctest/doctest.h>

#include <memory>

namespace divan {

TEST_CASE("LruMap: the least recently used makes room") {
    LruMap<int> map(2);
    map.put("a", 1);
    map.put("b", 2);
    CHECK(*map.find("a") == 1);
    map.put("c", 3);
    CHECK(map.find("b") == nullptr);
    CHECK(*map.find("a") == 1);
    CHECK(*map.find("c") == 3);
    CHECK(map.size() == 2);
}

TEST_CASE("LruMap: a value is replaced, and erased") {
    LruMap<std::unique_ptr<int>> map(2);
    map.put("a", std::make_unique<int>(1));
    map.put("a", std::make_unique<int>(2));
    CHECK(map.size() == 1);
    CHECK(**map.find("a") == 2);
    map.erase("a");
    map.erase("a");
    CHECK(map.find("a") == nullptr);
    CHECK(map.size() == 0);
}

}  // namespace divan
