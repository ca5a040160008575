#include "tools/tidy/checks.h"

#include <doctest/doctest.h>

namespace divan::tidy {
namespace {

const Rules rules = parse_rules(R"(
layer 0 storage/base
layer 1 storage/engine
layer 1 storage/document
layer 2 storage/database
layer 5 server
layer 5 tools
only server/http: storage/base
header rocksdb/: storage/engine/rocks_*.cpp
header openssl/: auth/*.cpp
)");

std::vector<std::size_t> lines(const Findings& findings) {
    std::vector<std::size_t> result;
    for (const Finding& finding : findings) result.push_back(finding.line);
    return result;
}

Findings includes(std::string_view file, std::string_view text) {
    Findings findings;
    check_includes(rules, file, text, findings);
    return findings;
}

Findings shape(std::string_view file, std::string_view text) {
    Findings findings;
    check_shape(file, text, findings);
    return findings;
}

Findings lambdas(std::string_view text) {
    Findings findings;
    check_lambdas("server/x.cpp", text, findings);
    return findings;
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string result;
    for (std::size_t i = 0; i < times; ++i) result += text;
    return result;
}

}  // namespace

TEST_CASE("tidy includes: a file sees its own row and lower ones") {
    CHECK(includes("storage/database/a.cpp", "#include \"storage/database/b.h\"\n"
                                             "#include \"storage/engine/b.h\"\n"
                                             "#include \"storage/base/b.h\"\n"
                                             "#include <vector>\n")
              .empty());
}

TEST_CASE("tidy includes: higher, sideways and unknown rows are refused") {
    struct Case {
        const char* file;
        const char* included;
    };
    for (const auto& [file, included] : {
             Case{"storage/base/a.h", "storage/engine/b.h"},
             Case{"storage/engine/a.cpp", "storage/document/b.h"},
             Case{"storage/database/a.cpp", "server/b.h"},
             Case{"tools/bench/a.cpp", "server/b.h"},
             Case{"server/http/a.cpp", "storage/database/b.h"},
             Case{"server/http/a.cpp", "server/routes.h"},
             Case{"server/a.cpp", "routes.h"},
         }) {
        CAPTURE(file);
        const auto text = "// first\n#include \"" + std::string(included) + "\"\n";
        CHECK(lines(includes(file, text)) == std::vector<std::size_t>{2});
    }
    CHECK(includes("server/http/a.cpp", "#include \"server/http/b.h\"\n").empty());
    CHECK(includes("test/server/a_test.cpp", "#include \"test/support/b.h\"\n").empty());
}

TEST_CASE("tidy includes: a library's headers stay in its files") {
    CHECK(includes("storage/engine/rocks_engine.cpp", "#include <rocksdb/db.h>\n").empty());
    CHECK(lines(includes("storage/engine/engine.h", "#include <rocksdb/db.h>\n")) ==
          std::vector<std::size_t>{1});
    CHECK(lines(includes("server/a.cpp", "\n# include <openssl/evp.h> // why\n")) ==
          std::vector<std::size_t>{2});
    CHECK(includes("server/a.cpp", "#include <openssl.h>\n").empty());
}

TEST_CASE("tidy shape: long lines, blanks, tabs and unfinished work are told with their line") {
    CHECK(shape("server/a.cpp", "int a;\n").empty());
    CHECK(shape("server/a.cpp", repeated("\xc3\xa9", 100) + "\n").empty());
    CHECK(lines(shape("server/a.cpp", repeated("x", 101) + "\n")) == std::vector<std::size_t>{1});
    CHECK(lines(shape("server/a.cpp", "a \nb\t\n\tc\n")) == std::vector<std::size_t>{1, 2, 2, 3});
    CHECK(lines(shape("server/a.cpp", "a;\n// TO" "DO b\n")) == std::vector<std::size_t>{2});
    CHECK(lines(shape("server/a.cpp", "no line feed")) == std::vector<std::size_t>{1});
    CHECK(lines(shape("server/a.h", "int a;\n")) == std::vector<std::size_t>{1});
}

TEST_CASE("tidy shape: files and functions have a size") {
    CHECK(shape("server/a.cpp", repeated("a;\n", 500)).empty());
    CHECK(lines(shape("server/a.cpp", repeated("a;\n", 501))) == std::vector<std::size_t>{0});
    CHECK(lines(shape("server/a.h", "#pragma once\n" + repeated("a;\n", 200))) ==
          std::vector<std::size_t>{0});

    const std::string head = "namespace x {\n\nint f(int a,\n      int b) {\n";
    CHECK(shape("server/a.cpp", head + repeated("    a;\n", 68) + "}\n\n}  // namespace x\n")
              .empty());
    CHECK(lines(shape("server/a.cpp", head + repeated("    a;\n", 69) + "}\n\n}\n")) ==
          std::vector<std::size_t>{4});
    for (const char* other : {"constexpr Row table[] = {\n", "struct S {\n", "class C : B {\n"}) {
        CAPTURE(other);
        CHECK(shape("server/a.cpp", other + repeated("    {1, f()},\n", 80) + "};\n").empty());
    }
}

TEST_CASE("tidy lambdas: a coroutine may not capture") {
    for (const char* bad : {
             "spawn([this] { co_await x(); });",
             "auto f = [&](int a) -> Task<void> { co_return; };",
             "return [=]() mutable {\n    if (x) co_yield 1;\n};",
         }) {
        CAPTURE(bad);
        CHECK(lambdas(bad).size() == 1);
    }
    for (const char* good : {
             "spawn([](int a) -> Task<void> { co_await x(a); }(1));",
             "co_await run([&] { return x(); });",
             "auto f = [&] { return [](int a) -> Task<int> { co_return a; }; };",
             "values[i] = y; co_return z;",
             "[[nodiscard]] Task<void> f() { co_return; }",
             "// [this] { co_await x(); }\n",
         }) {
        CAPTURE(good);
        CHECK(lambdas(good).empty());
    }
    CHECK(lines(lambdas("a;\n\nf([this] {\n    co_await x();\n});\n")) ==
          std::vector<std::size_t>{3});
}

TEST_CASE("tidy listing: every source stands in a CMakeLists.txt") {
    Findings findings;
    check_listed(
        {
            {"CMakeLists.txt", "add_subdirectory(auth)\n"},
            {"auth/CMakeLists.txt", "lib(x SOURCES a.cpp\n  b.cpp\n sub/c.cpp)\n"},
            {"auth/a.cpp", ""},
            {"auth/b.cpp", ""},
            {"auth/sub/c.cpp", ""},
            {"auth/lost.cpp", ""},
            {"test/CMakeLists.txt", "add(${CMAKE_SOURCE_DIR}/test/support/main.cpp)\n"},
            {"test/support/main.cpp", ""},
            {"test/a.cpp", ""},
            {"test/a.h", ""},
        },
        findings);
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].file == "auth/lost.cpp");
    CHECK(findings[1].file == "test/a.cpp");
}

}  // namespace divan::tidy
