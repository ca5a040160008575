#include "replication/bulk_get_use.h"

#include <doctest/doctest.h>

namespace divan::replication {
namespace {

using std::chrono::seconds;
const BulkGetUse::Time start{seconds(1'000'000)};

}  // namespace

TEST_CASE("use of _bulk_get: given up where little comes of it, and tried again") {
    BulkGetUse use(true);
    for (int i = 0; i < 3; ++i) {
        CHECK(use.due(start));
        use.answered(100, 0, start);
    }
    CHECK_FALSE(use.due(start));
    CHECK_FALSE(use.due(start + seconds(37)));
    CHECK(use.due(start + seconds(38)));
    use.answered(100, 100, start + seconds(38));
    CHECK(use.due(start + seconds(38)));
    CHECK(use.counts().attempts == 400);
    CHECK(use.counts().documents == 100);
}

TEST_CASE("use of _bulk_get: some that come singly do not matter") {
    BulkGetUse use(true);
    for (int i = 0; i < 1000; ++i) {
        CHECK(use.due(start));
        use.answered(10, 6, start);
    }
}

TEST_CASE("use of _bulk_get: a peer that has none is asked again later") {
    BulkGetUse use(true);
    use.refused(5, start);
    CHECK_FALSE(use.due(start + seconds(37)));
    CHECK(use.due(start + seconds(38)));
    use.refused(5, start + seconds(38));
    CHECK_FALSE(use.due(start + seconds(70)));
    use.answered(5, 5, start + seconds(76));
    CHECK(use.due(start + seconds(76)));
    CHECK_FALSE(BulkGetUse(false).due(start));
}

}  // namespace divan::replication
