#include "tools/bench/load_loop.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace divan::bench {

TEST_CASE("bench: an address names host, port, prefix and who asks") {
    const Target plain = Target::parse("http://127.0.0.1:5984/");
    CHECK(plain.host == "127.0.0.1");
    CHECK(plain.port == 5984);
    CHECK(plain.prefix.empty());
    CHECK(plain.authorization.empty());

    const Target full = Target::parse("http://admin:se%3Acret@example.org/couch/");
    CHECK(full.port == 80);
    CHECK(full.prefix == "/couch");
    CHECK(full.authorization == "Authorization: Basic YWRtaW46c2U6Y3JldA==\r\n");
    CHECK(full.url == "http://example.org:80/couch");
}

TEST_CASE("bench: base64 of every length") {
    const auto header = [](const char* name) {
        return Target::parse(std::string("http://") + name + ":@h").authorization;
    };
    CHECK(header("a") == "Authorization: Basic YTo=\r\n");
    CHECK(header("ab") == "Authorization: Basic YWI6\r\n");
    CHECK(header("abc") == "Authorization: Basic YWJjOg==\r\n");
}

TEST_CASE("bench: what is no address is refused") {
    for (const char* bad : {"", "127.0.0.1:5984", "https://127.0.0.1", "ftp://host", "http://"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(Target::parse(bad), std::invalid_argument);
    }
}

}  // namespace divan::bench
