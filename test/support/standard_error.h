#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace divan::test {

/// What `run` writes to standard error, up to 4 KiB.
template <class Run>
std::string standard_error_of(Run run) {
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

}  // namespace divan::test
