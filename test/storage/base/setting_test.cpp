#include "storage/base/setting.h"

#include <doctest/doctest.h>

#include <map>

namespace divan {
namespace {

ReadSetting settings(std::map<std::string, std::string> values) {
    return [values = std::move(values)](std::string_view section, std::string_view key) {
        const auto found = values.find(std::string(section) + "/" + std::string(key));
        return found == values.end() ? std::nullopt : std::optional(found->second);
    };
}

}  // namespace

TEST_CASE("settings: integers are brought into their range; what is none counts as absent") {
    const auto read = settings({{"s/n", "7"}, {"s/low", "-3"}, {"s/bad", "7x"}, {"s/empty", ""}});
    CHECK(read_integer(read, "s", "n", 5, 0, 10) == 7);
    CHECK(read_integer(read, "s", "n", 5, 0, 6) == 6);
    CHECK(read_integer(read, "s", "low", 5, 0, 10) == 0);
    CHECK(read_integer(read, "s", "bad", 5, 0, 10) == 5);
    CHECK(read_integer(read, "s", "empty", 5, 0, 10) == 5);
    CHECK(read_integer(read, "s", "missing", 5, 0, 10) == 5);
}

TEST_CASE("settings: only true and false are truth values") {
    const auto read = settings({{"s/yes", "true"}, {"s/no", "false"}, {"s/other", "1"}});
    CHECK(read_bool(read, "s", "yes", false));
    CHECK_FALSE(read_bool(read, "s", "no", true));
    CHECK(read_bool(read, "s", "other", true));
    CHECK_FALSE(read_bool(read, "s", "missing", false));
}

TEST_CASE("settings: chttpd_auth goes before its older name") {
    const auto read = settings({{"chttpd_auth/a", "new"}, {"couch_httpd_auth/a", "old"},
                                {"couch_httpd_auth/b", "old"}});
    CHECK(read_auth_setting(read, "a") == "new");
    CHECK(read_auth_setting(read, "b") == "old");
    CHECK_FALSE(read_auth_setting(read, "c"));
}

}  // namespace divan
