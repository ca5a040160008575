#include "server/config/settings.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "server/config/config.h"

namespace divan::server {

TEST_CASE("settings: every one has a meaning, and none stands twice") {
    std::set<std::pair<std::string_view, std::string_view>> seen;
    for (const Setting& setting : settings()) {
        CAPTURE(setting.key);
        CHECK_FALSE(setting.meaning.empty());
        CHECK(seen.emplace(setting.section, setting.key).second);
    }
}

TEST_CASE("settings: built-in values show in the configuration, the other defaults do not") {
    const Config config;
    for (const Setting& setting : settings()) {
        CAPTURE(setting.key);
        const auto shown = config.find(setting.section, setting.key);
        if (setting.shown == Setting::Shown::built_in) {
            CHECK(shown == std::string(setting.value));
        } else {
            CHECK_FALSE(shown);
        }
    }
}

}  // namespace divan::server
