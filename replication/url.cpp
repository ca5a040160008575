#include "replication/url.h"

#include <algorithm>
#include <charconv>

namespace divan::replication {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::uint16_t default_port(std::string_view scheme) {
    if (scheme == "https") return 443;
    return scheme == "socks5" ? 1080 : 80;
}

bool read_port(std::string_view digits, Url& url) {
    if (digits.empty()) return true;
    const auto* end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, url.port);
    url.port_given = true;
    return error == std::errc() && stopped == end;
}

bool read_host(std::string_view text, Url& url) {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return false;
        url.host = text.substr(1, close - 1);
        text.remove_prefix(close + 1);
        return text.empty() || (text.front() == ':' && read_port(text.substr(1), url));
    }
    const auto colon = text.find(':');
    url.host = text.substr(0, colon);
    return colon == std::string_view::npos || read_port(text.substr(colon + 1), url);
}

bool is_plain(unsigned char c) { return c > ' ' && c != 0x7f; }

/// Where user and password are in an address, with the "@"; empty where there are none.
std::string_view userinfo(std::string_view text) {
    const auto start = text.find("://");
    if (start == std::string_view::npos) return {};
    const auto authority = text.substr(start + 3, text.find_first_of("/?#", start + 3) - start - 3);
    const auto at = authority.rfind('@');
    return at == std::string_view::npos ? std::string_view() : authority.substr(0, at + 1);
}

}  // namespace

std::optional<Url> parse_url(std::string_view text) {
    const auto colon = text.find("://");
    if (colon == 0 || colon == std::string_view::npos) return std::nullopt;
    if (!std::all_of(text.begin(), text.end(), [](char c) { return is_plain(c); })) {
        return std::nullopt;
    }
    Url url;
    url.scheme = text.substr(0, colon);
    url.port = default_port(url.scheme);
    if (const auto info = userinfo(text); !info.empty()) {
        url.has_userinfo = true;
        const auto split = info.find(':');
        url.user = info.substr(0, std::min(split, info.size() - 1));
        if (split != std::string_view::npos) {
            url.has_password = true;
            url.password = info.substr(split + 1, info.size() - split - 2);
        }
    }
    auto rest = text.substr(colon + 3 + userinfo(text).size());
    const auto end = rest.find_first_of("/?");
    if (!read_host(rest.substr(0, end), url) || url.host.empty()) return std::nullopt;
    url.path = end == std::string_view::npos ? "/" : std::string(rest.substr(end));
    if (url.path.front() == '?') url.path.insert(0, 1, '/');
    return url;
}

std::string without_userinfo(std::string_view url) {
    const auto info = userinfo(url);
    std::string plain(url);
    if (!info.empty()) plain.erase(url.find("://") + 3, info.size());
    return plain;
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            const int high = hex_value(text[i + 1]);
            const int low = hex_value(text[i + 2]);
            if (high >= 0 && low >= 0) {
                decoded += static_cast<char>(high * 16 + low);
                i += 2;
                continue;
            }
        }
        decoded += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
    return decoded;
}

std::string quote_plus(std::string_view text) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string quoted;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~') {
            quoted += c;
        } else if (c == ' ') {
            quoted += '+';
        } else {
            quoted += '%';
            quoted += digits[byte >> 4];
            quoted += digits[byte & 15];
        }
    }
    return quoted;
}

}  // namespace divan::replication
