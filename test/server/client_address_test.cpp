#include "server/client_address.h"

#include <doctest/doctest.h>

namespace divan::server {
namespace {

Request from(std::string peer, std::vector<Header> headers) {
    Request request;
    request.peer_address = std::move(peer);
    request.headers = std::move(headers);
    return request;
}

}  // namespace

TEST_CASE("client address: X-Forwarded-For counts from trusted proxies alone") {
    struct Case {
        const char* trusted;
        const char* peer;
        std::vector<Header> headers;
        const char* client;
    };
    const Header one{"x-forwarded-for", "203.0.113.7"};
    const std::vector<Case> cases = {
        {"", "192.0.2.1", {one}, "192.0.2.1"},
        {"10.0.0.1", "192.0.2.1", {one}, "192.0.2.1"},
        {"192.0.2.1", "192.0.2.1", {one}, "203.0.113.7"},
        {"192.0.2.1", "192.0.2.1", {}, "192.0.2.1"},
        {"192.0.2.0/24", "192.0.2.200", {one}, "203.0.113.7"},
        {"192.0.2.0/25", "192.0.2.200", {one}, "192.0.2.200"},
        {"0.0.0.0/0", "192.0.2.1", {one}, "203.0.113.7"},
        {"10.0.0.1, ::1", "[::1]", {one}, "203.0.113.7"},
        {"::/0", "[2001:db8::1]", {{"x-forwarded-for", "2001:db8::2"}}, "[2001:db8::2]"},
        {"2001:db8::/33", "[2001:db8:8000::1]", {one}, "[2001:db8:8000::1]"},
        // What the client has put there itself stands before what the proxy has added.
        {"10.0.0.1", "10.0.0.1", {{"x-forwarded-for", "1.2.3.4, 203.0.113.7"}}, "203.0.113.7"},
        {"10.0.0.0/8", "10.0.0.1", {{"x-forwarded-for", "1.2.3.4,203.0.113.7 , 10.0.0.2"}},
         "203.0.113.7"},
        {"10.0.0.0/8", "10.0.0.1", {{"x-forwarded-for", "1.2.3.4"}, one}, "203.0.113.7"},
        {"10.0.0.0/8", "10.0.0.1", {{"x-forwarded-for", "10.0.0.3, 10.0.0.2"}}, "10.0.0.3"},
        // Ports, and what is no address.
        {"10.0.0.1", "10.0.0.1", {{"x-forwarded-for", "203.0.113.7:4711"}}, "203.0.113.7"},
        {"10.0.0.1", "10.0.0.1", {{"x-forwarded-for", "[2001:db8::2]:80"}}, "[2001:db8::2]"},
        {"10.0.0.1", "10.0.0.1", {{"x-forwarded-for", "::ffff:203.0.113.7"}}, "203.0.113.7"},
        {"10.0.0.1", "10.0.0.1", {{"x-forwarded-for", "1.2.3.4, unknown"}}, "10.0.0.1"},
        {"10.0.0.1", "10.0.0.1", {{"x-forwarded-for", ""}}, "10.0.0.1"},
        {"nonsense, 10.0.0.1/33, 1.2.3.4/x, 10.0.0.1", "10.0.0.1", {one}, "203.0.113.7"},
        {"10.0.0.1/33", "10.0.0.1", {one}, "10.0.0.1"},
    };
    for (const auto& row : cases) {
        CAPTURE(row.trusted);
        CAPTURE(row.peer);
        CHECK(TrustedProxies(row.trusted).client_address(from(row.peer, row.headers)) ==
              row.client);
    }
}

TEST_CASE("client address: a trusted proxy says whether its client came encrypted") {
    const TrustedProxies proxies("10.0.0.1");
    CHECK(proxies.secure(from("10.0.0.1", {{"x-forwarded-proto", "https"}})));
    CHECK(proxies.secure(from("10.0.0.1", {{"x-forwarded-ssl", "on"}})));
    CHECK_FALSE(proxies.secure(from("10.0.0.1", {{"x-forwarded-proto", "http"}})));
    CHECK_FALSE(proxies.secure(from("10.0.0.2", {{"x-forwarded-proto", "https"}})));
    auto encrypted = from("10.0.0.2", {});
    encrypted.secure = true;
    CHECK(proxies.secure(encrypted));
}

}  // namespace divan::server
