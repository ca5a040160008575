#include "server/virtual_hosts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <map>
#include <utility>

#include "server/config/config.h"

namespace divan::server {
namespace {

constexpr std::string_view wildcard = "*";
// These are the server's own whatever the host.
constexpr std::array<std::string_view, 4> common = {"_utils", "_uuids", "_session", "_users"};

/// string:tokens/2: empty parts are none.
std::vector<std::string> parts_of(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto end = std::min(text.find(separator), text.size());
        if (end > 0) parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

struct HostAndPort {
    std::vector<std::string> host;  ///< Its parts, the last first.
    std::optional<std::uint32_t> port;
};

/// What follows a colon and is no number belongs to the host.
HostAndPort split_host(std::string_view text) {
    HostAndPort split;
    const auto colon = text.rfind(':');
    if (colon != std::string_view::npos) {
        std::uint32_t port = 0;
        const char* const end = text.data() + text.size();
        const auto read = std::from_chars(text.data() + colon + 1, end, port);
        if (read.ec == std::errc() && read.ptr == end) {
            split.port = port;
            text = text.substr(0, colon);
        }
    }
    split.host = parts_of(text, '.');
    std::reverse(split.host.begin(), split.host.end());
    return split;
}

/// The wildcard too, where it is not at the front of a host: it stands for one part then.
bool is_name(std::string_view part) {
    return part.starts_with(':') || part == wildcard;
}

/// Sorts as Erlang sorts the parsed rules: by parts, and names before texts.
std::string sort_key(std::string_view address) {
    std::string key(address);
    for (char& c : key) {
        if (c == '.') c = '\0';
        if (c == '*') c = '\1';
        if (c == ':') c = '\2';
    }
    return key;
}

struct Bound {
    std::vector<std::pair<std::string, std::string>> names;
    std::vector<std::string> rest;  ///< What the wildcard stands for, the last part first.
};

std::optional<Bound> bind_host(const std::vector<std::string>& rule,
                               const std::vector<std::string>& host) {
    Bound bound;
    for (std::size_t at = 0; at < rule.size(); ++at) {
        if (at >= host.size()) return std::nullopt;
        if (rule[at] == wildcard && at + 1 == rule.size()) {
            bound.rest.assign(host.begin() + static_cast<std::ptrdiff_t>(at), host.end());
            return bound;
        }
        if (is_name(rule[at])) {
            bound.names.emplace_back(rule[at], host[at]);
        } else if (rule[at] != host[at]) {
            return std::nullopt;
        }
    }
    if (host.size() > rule.size()) return std::nullopt;
    return bound;
}

std::string joined(const std::vector<std::string>& parts) {
    std::string path;
    for (const auto& part : parts) path.append("/").append(part);
    return path.empty() ? "/" : path;
}

std::vector<std::string> fill_target(const std::vector<std::string>& target, const Bound& bound) {
    std::vector<std::string> filled;
    for (const auto& part : target) {
        if (part == wildcard) {
            filled.insert(filled.end(), bound.rest.begin(), bound.rest.end());
            break;  // it is the last part, or what follows does not count
        }
        if (!is_name(part)) {
            filled.push_back(part);
            continue;
        }
        const auto named = std::find_if(bound.names.rbegin(), bound.names.rend(),
                                        [&](const auto& name) { return name.first == part; });
        filled.push_back(named == bound.names.rend() ? "undefined" : named->second);
    }
    return filled;
}

}  // namespace

VirtualHosts::VirtualHosts(const Config& config) {
    std::map<std::string, Rule, std::greater<>> sorted;
    for (const auto& [address, target] : config.section("vhosts")) {
        if (!target.empty()) sorted.emplace(sort_key(address), read_rule(address, target));
    }
    for (auto& [key, rule] : sorted) rules_.push_back(std::move(rule));
}

VirtualHosts::Rule VirtualHosts::read_rule(std::string_view address, std::string_view target) {
    const auto end = std::min(address.find_first_of("/?#"), address.size());
    auto split = split_host(address.substr(0, end));
    if (end == 0) split.host = {std::string(wildcard)};
    return {std::move(split.host), split.port, parts_of(address.substr(end), '/'),
            parts_of(target, '/')};
}

std::optional<VirtualHosts::Target> VirtualHosts::target_of(
    const Rule& rule, std::string_view host, const std::vector<std::string>& path) {
    const auto asked = split_host(host);
    if (rule.port && rule.port != asked.port) return std::nullopt;
    const auto bound = bind_host(rule.host, asked.host);
    if (!bound || path.size() < rule.path.size() ||
        !std::equal(rule.path.begin(), rule.path.end(), path.begin())) {
        return std::nullopt;
    }
    const auto own = path.begin() + static_cast<std::ptrdiff_t>(rule.path.size());
    return Target{joined(fill_target(rule.target, *bound)), joined({own, path.end()})};
}

void VirtualHosts::apply(Request& request) const {
    if (rules_.empty()) return;
    if (!request.segments.empty() &&
        std::find(common.begin(), common.end(), request.segments[0]) != common.end()) {
        return;
    }
    const auto* host = request.header("x-forwarded-host");
    if (host == nullptr) host = request.header("host");
    if (host == nullptr) return;
    const auto mark = std::min(request.target.find_first_of("?#"), request.target.size());
    for (const auto& rule : rules_) {
        const auto target = target_of(rule, *host, request.raw_segments);
        if (!target) continue;
        std::erase_if(request.headers, [](const Header& header) {
            return header.name == vhost_path_header;
        });
        const auto within = target->within + request.target.substr(mark);
        request.headers.push_back({std::string(vhost_path_header), within});
        const bool root = target->path == "/" && target->within == "/";
        request.target = root ? within : target->path + within;
        parse_target(request.target, request).value();
        return;
    }
}

}  // namespace divan::server
