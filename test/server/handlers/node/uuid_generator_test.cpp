#include "server/handlers/node/uuid_generator.h"

#include <doctest/doctest.h>

#include <regex>
#include <set>

#include "server/config/config.h"

namespace divan::server {

TEST_CASE("uuids: every algorithm gives ids of its form, none twice") {
    struct Case {
        const char* algorithm;
        const char* format;
        const char* form;
    };
    const std::string hex = "[0-9a-f]";
    for (const auto& [algorithm, format, form] : {
             Case{"sequential", "", "[0-9a-f]{32}"},
             Case{"random", "", "[0-9a-f]{32}"},
             Case{"utc_random", "", "0[0-9a-f]{31}"},
             Case{"utc_id", "", "0[0-9a-f]{13}-suffix"},
             Case{"uuid_v4", "base_16", "[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}"},
             Case{"uuid_v7", "base_16", "0[0-9a-f]{11}7[0-9a-f]{3}[89ab][0-9a-f]{15}"},
             Case{"uuid_v7", "rfc9562", "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-.{4}-[0-9a-f]{12}"},
             Case{"uuid_v4", "base_36", "[0-9a-z]{25}"},
             Case{"unknown", "", "[0-9a-f]{32}"},
         }) {
        CAPTURE(algorithm);
        Config config;
        REQUIRE(config.set("uuids", "algorithm", algorithm, false).has_value());
        REQUIRE(config.set("uuids", "utc_id_suffix", "-suffix", false).has_value());
        REQUIRE(config.set("uuids", "format", format, false).has_value());
        UuidGenerator uuids;
        std::set<std::string> seen;
        for (int i = 0; i < 100; ++i) {
            const auto id = uuids.next(config);
            CHECK(std::regex_match(id, std::regex(form)));
            CHECK(seen.insert(id).second);
        }
    }
}

TEST_CASE("uuids: sequential ids grow, and share a prefix until its room is used up") {
    const Config config;
    UuidGenerator uuids;
    std::set<std::string> prefixes;
    std::string last;
    for (int i = 0; i < 20'000; ++i) {
        const auto id = uuids.next(config);
        if (prefixes.insert(id.substr(0, 26)).second) {
            last = id;
            continue;
        }
        REQUIRE(id > last);
        last = id;
    }
    CHECK(prefixes.size() > 1);
    CHECK(prefixes.size() < 10);
}

}  // namespace divan::server
