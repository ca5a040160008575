#include "replication/in_flight.h"

#include <doctest/doctest.h>

namespace divan::replication {

TEST_CASE("batches in flight: what is through never passes one that is not done") {
    InFlight batches("5");
    const auto a = batches.begin("10", 3);
    const auto b = batches.begin("20", 4);
    const auto c = batches.begin("30", 5);
    CHECK(batches.through() == "5");
    CHECK(batches.rows() == 12);
    batches.done(b);
    CHECK(batches.through() == "5");
    CHECK(batches.highest() == "20");
    batches.done(a);
    CHECK(batches.through() == "20");
    CHECK(batches.highest() == "20");
    CHECK(batches.rows() == 5);
    const auto d = batches.begin("40", 1);
    batches.done(d);
    CHECK(batches.through() == "20");
    batches.done(c);
    CHECK(batches.through() == "40");
    CHECK(batches.highest() == "40");
    CHECK(batches.rows() == 0);
}

}  // namespace divan::replication
