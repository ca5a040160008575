#include "server/client_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "storage/base/log.h"

namespace divan::server {
namespace {

using Address = std::array<std::uint8_t, 16>;

constexpr Address mapped_prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned mapped_bits = 96;
constexpr unsigned address_bits = 128;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_mapped(const Address& address) {
    return std::equal(address.begin(), address.begin() + 12, mapped_prefix.begin());
}

/// "192.0.2.1", "2001:db8::1", "[2001:db8::1]".
std::optional<Address> parse_address(std::string_view text) {
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
        text = text.substr(1, text.size() - 2);
    }
    const std::string copy(text);
    Address address = mapped_prefix;
    if (inet_pton(AF_INET, copy.c_str(), address.data() + 12) == 1) return address;
    if (inet_pton(AF_INET6, copy.c_str(), address.data()) == 1) return address;
    return std::nullopt;
}

/// Some proxies add the port: "192.0.2.1:4711", "[2001:db8::1]:4711".
std::optional<Address> parse_forwarded(std::string_view text) {
    if (auto address = parse_address(text)) return address;
    const auto colon = text.rfind(':');
    return colon == std::string_view::npos ? std::nullopt : parse_address(text.substr(0, colon));
}

std::string print_address(const Address& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (is_mapped(address)) {
        inet_ntop(AF_INET, address.data() + 12, text.data(), text.size());
        return text.data();
    }
    inet_ntop(AF_INET6, address.data(), text.data(), text.size());
    return fmt::format("[{}]", text.data());
}

bool same_bits(const Address& a, const Address& b, unsigned bits) {
    const auto bytes = bits / 8;
    if (!std::equal(a.begin(), a.begin() + bytes, b.begin())) return false;
    const auto rest = bits % 8;
    return rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0;
}

std::optional<unsigned> parse_bits(std::string_view text, unsigned most) {
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
    if (error != std::errc() || end != text.data() + text.size() || bits > most) return {};
    return bits;
}

/// The addresses of all X-Forwarded-For headers, the nearest first.
std::vector<std::string_view> forwarded_for(const Request& request) {
    std::vector<std::string_view> addresses;
    for (const auto& header : request.headers) {
        if (header.name != "x-forwarded-for") continue;
        std::string_view rest = header.value;
        while (true) {
            const auto comma = rest.find(',');
            addresses.push_back(trimmed(rest.substr(0, comma)));
            if (comma == std::string_view::npos) break;
            rest.remove_prefix(comma + 1);
        }
    }
    std::reverse(addresses.begin(), addresses.end());
    return addresses;
}

}  // namespace

TrustedProxies::TrustedProxies(std::string_view list) {
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        const auto text = trimmed(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
        if (text.empty()) continue;
        const auto slash = std::min(text.find('/'), text.size());
        const auto address = parse_address(text.substr(0, slash));
        const unsigned before = address && is_mapped(*address) ? mapped_bits : 0;
        auto bits = std::optional<unsigned>(address_bits - before);
        if (slash < text.size()) bits = parse_bits(text.substr(slash + 1), *bits);
        if (address && bits) {
            networks_.push_back({*address, before + *bits});
        } else {
            log(LogLevel::warning,
                fmt::format("[chttpd] trusted_proxies: \"{}\" is no address and no network", text));
        }
    }
}

bool TrustedProxies::trusts(std::string_view text) const {
    const auto address = parse_address(text);
    return address && std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
        return same_bits(*address, network.address, network.bits);
    });
}

// Nearest first: each address was written by the proxy after it, so the first one that is no proxy
// of ours is the last that can be believed.
std::string TrustedProxies::client_address(const Request& request) const {
    std::string client = request.peer_address;
    if (networks_.empty() || !trusts(client)) return client;
    for (const auto text : forwarded_for(request)) {
        const auto address = parse_forwarded(text);
        if (!address) break;
        client = print_address(*address);
        if (!trusts(client)) break;
    }
    return client;
}

bool TrustedProxies::secure(const Request& request) const {
    if (request.secure || networks_.empty() || !trusts(request.peer_address)) return request.secure;
    const auto* protocol = request.header("x-forwarded-proto");
    const auto* ssl = request.header("x-forwarded-ssl");
    return (protocol != nullptr && *protocol == "https") || (ssl != nullptr && *ssl == "on");
}

}  // namespace divan::server
