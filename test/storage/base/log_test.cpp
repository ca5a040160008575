#include "storage/base/log.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace divan {
namespace {

/// What `run` writes to standard error.
template <class Run>
std::string captured(Run run) {
    std::FILE* file = std::tmpfile();
    REQUIRE(file != nullptr);
    const int before = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    run();
    dup2(before, STDERR_FILENO);
    close(before);
    std::rewind(file);
    std::string text(4096, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    std::fclose(file);
    return text;
}

}  // namespace

TEST_CASE("log: a message is one line, whatever is in it") {
    const auto text = captured([] { log(LogLevel::error, "GET /a\n[info] forged\x1b[0m é"); });
    CHECK(text.ends_with("Z [error] GET /a\\n[info] forged?[0m é\n"));
    CHECK(text.find('\n') == text.size() - 1);
}

TEST_CASE("log: what is below the level is left out") {
    const auto level = log_level();
    const auto text = captured([] {
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
