#include "auth/basic.h"

#include <doctest/doctest.h>

namespace divan::auth {
namespace {

std::optional<Credentials> parsed(std::string header) {
    return parse_basic(&header).value();
}

}  // namespace

TEST_CASE("Basic: name and password are split at the first colon") {
    const auto credentials = parsed("Basic YW5uOnBhOnNz");  // ann:pa:ss
    REQUIRE(credentials);
    CHECK(credentials->name == "ann");
    CHECK(credentials->password == "pa:ss");
}

TEST_CASE("Basic: other schemes, no colon and _:_ mean nobody") {
    CHECK_FALSE(parse_basic(nullptr).value());
    for (const char* header :
         {"Bearer YW5uOnBhOnNz", "basic YW5uOnBhOnNz", "Basic YW5u", "Basic Xzpf", ""}) {
        CAPTURE(header);
        CHECK_FALSE(parsed(header));
    }
}

TEST_CASE("Basic: what is not base64 is refused") {
    for (const std::string header : {"Basic x", "Basic YW5uOnBh!", "Basic YW5uOnBhOnNzMQ"}) {
        CAPTURE(header);
        CHECK(parse_basic(&header).error() ==
              Error{Code::bad_request, "Authorization header has invalid base64 value", {}});
    }
}

}  // namespace divan::auth
