#include "storage/base/log.h"

#include <doctest/doctest.h>

#include <string>

#include "test/support/standard_error.h"

namespace divan {

TEST_CASE("log: a message is one line, whatever is in it") {
    const auto text = test::standard_error_of(
        [] { log(LogLevel::error, "GET /a\n[info] forged\x1b[0m é"); });
    CHECK(text.ends_with("Z [error] GET /a\\n[info] forged?[0m é\n"));
    CHECK(text.find('\n') == text.size() - 1);
}

TEST_CASE("log: what is below the level is left out") {
    const auto level = log_level();
    const auto text = test::standard_error_of([] {
        set_log_level(LogLevel::warning);
        log(LogLevel::notice, "no");
        log(LogLevel::warning, "yes");
        set_log_level(LogLevel::none);
        log(LogLevel::critical, "no");
    });
    set_log_level(level);
    CHECK(text.ends_with("Z [warning] yes\n"));
    CHECK(text.find("no") == std::string::npos);
}

}  // namespace divan
