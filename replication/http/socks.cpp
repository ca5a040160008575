#include "replication/http/socks.h"

#include <fmt/format.h>

#include "replication/http/failures.h"

namespace divan::replication {
namespace {

constexpr std::size_t text_bytes_max = 255;

void append_text(std::string& out, const std::string& text) {
    if (text.empty() || text.size() > text_bytes_max) {
        throw rejected("bad_proxy", "a name or password is too long for SOCKS");
    }
    out += static_cast<char>(text.size());
    out += text;
}

Task<void> sign_in(HttpConnection& connection, const Url& proxy, ExchangeLimits limits) {
    std::string message = "\x01";
    append_text(message, percent_decode(proxy.user, false));
    append_text(message, percent_decode(proxy.password, false));
    co_await connection.send_raw(message, limits);
    const std::string answer = co_await connection.read_raw(2);
    if (answer[1] != 0) throw unreachable("proxy", "the SOCKS proxy refused the user");
}

// Passes over the address that the proxy connected from.
Task<void> read_bound_address(HttpConnection& connection, char kind) {
    std::size_t bytes = 4;
    if (kind == 4) bytes = 16;
    if (kind == 3) {
        const std::string size = co_await connection.read_raw(1);
        bytes = static_cast<unsigned char>(size[0]);
    }
    co_await connection.read_raw(bytes + 2);
}

}  // namespace

Task<void> ask_socks(HttpConnection& connection, const Url& proxy, const std::string& host,
                     std::uint16_t port, ExchangeLimits limits) {
    const bool signs_in = proxy.has_userinfo && proxy.has_password;
    const std::string greeting = signs_in ? "\x05\x01\x02" : std::string("\x05\x01\x00", 3);
    co_await connection.send_raw(greeting, limits);
    const std::string method = co_await connection.read_raw(2);
    if (method[0] != 5 || method[1] != greeting[2]) {
        throw unreachable("proxy", "the SOCKS proxy does not accept us");
    }
    if (signs_in) co_await sign_in(connection, proxy, limits);
    std::string request("\x05\x01\x00\x03", 4);
    append_text(request, host);
    request += static_cast<char>(port >> 8);
    request += static_cast<char>(port & 0xff);
    co_await connection.send_raw(request, limits);
    const std::string answer = co_await connection.read_raw(4);
    if (answer[0] != 5 || answer[1] != 0) {
        throw unreachable("proxy", fmt::format("the SOCKS proxy has no connection: {}",
                                               static_cast<int>(answer[1])));
    }
    co_await read_bound_address(connection, answer[3]);
    if (connection.has_unread()) throw malformed("the SOCKS proxy says too much");
}

}  // namespace divan::replication
