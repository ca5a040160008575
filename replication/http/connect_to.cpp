#include "replication/http/connect_to.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "storage/base/log.h"

namespace divan::replication {
namespace {

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<std::uint16_t> read_port(std::string_view text) {
    std::uint16_t port = 0;
    const char* last = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), last, port);
    if (error != std::errc() || stopped != last || port == 0) return std::nullopt;
    return port;
}

std::optional<ConnectTo> parse_entry(std::string_view text) {
    const auto after_pattern = text.find(':');
    const auto after_port = text.find(':', after_pattern + 1);
    const auto before_last = text.rfind(':');
    if (after_port == std::string_view::npos || before_last <= after_port) return std::nullopt;
    const auto pattern = text.substr(0, after_pattern);
    auto host = text.substr(after_port + 1, before_last - after_port - 1);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return std::nullopt;
    }
    const auto port = read_port(text.substr(after_pattern + 1, after_port - after_pattern - 1));
    const auto target_port = read_port(text.substr(before_last + 1));
    const bool bad = pattern.empty() || pattern.starts_with('[') || host.empty();
    if (bad || !port || !target_port) return std::nullopt;
    return ConnectTo{std::string(pattern), *port, {std::string(host), *target_port}};
}

bool same_without_case(std::string_view one, std::string_view other) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [&](char a, char b) { return lower(a) == lower(b); });
}

bool matches(std::string_view pattern, std::string_view host) {
    if (!pattern.starts_with('*')) return same_without_case(pattern, host);
    pattern.remove_prefix(1);
    return host.size() >= pattern.size() &&
           same_without_case(pattern, host.substr(host.size() - pattern.size()));
}

}  // namespace

std::vector<ConnectTo> parse_connect_to(std::string_view text) {
    std::vector<ConnectTo> entries;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        const auto entry = trimmed(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
        if (entry.empty()) continue;
        if (auto parsed = parse_entry(entry)) {
            entries.push_back(std::move(*parsed));
        } else {
            log(LogLevel::warning, fmt::format("[replicator] connect_to: \"{}\" is not "
                                               "host:port:target:port", entry));
        }
    }
    return entries;
}

std::optional<ConnectTo::Place> find_override(const std::vector<ConnectTo>& entries,
                                              std::string_view host, std::uint16_t port) {
    for (const auto& entry : entries) {
        if (entry.port == port && matches(entry.pattern, host)) return entry.place;
    }
    return std::nullopt;
}

}  // namespace divan::replication
