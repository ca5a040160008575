#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace divan::replication {

/// Where connections really go that are for another place: an entry of `[replicator] connect_to`.
struct ConnectTo {
    struct Place {
        std::string host;  ///< Without the brackets of an IPv6 address.
        std::uint16_t port = 0;
        bool operator==(const Place&) const = default;
    };

    std::string pattern;  ///< A host, or "*.example.com": every host that ends so.
    std::uint16_t port = 0;
    Place place;
    bool operator==(const ConnectTo&) const = default;
};

/// "host:port:target:port, …" as in couch_replicator_connect, IPv6 targets in brackets. An entry
/// that is none is logged and passed by.
std::vector<ConnectTo> parse_connect_to(std::string_view text);

/// The first entry's that matches; none where no entry does.
std::optional<ConnectTo::Place> find_override(const std::vector<ConnectTo>& entries,
                                              std::string_view host, std::uint16_t port);

}  // namespace divan::replication
