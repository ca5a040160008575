#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace divan::replication {

/// An address taken apart, nothing of it decoded.
struct Url {
    std::string scheme;  ///< "http", "https", "socks5", …
    bool has_userinfo = false;
    bool has_password = false;
    std::string user;
    std::string password;
    std::string host;  ///< Without the brackets of an IPv6 address.
    std::uint16_t port = 0;
    bool port_given = false;
    std::string path;  ///< With its query; begins with "/".
};

/// Empty where it is no absolute address, has no host, or a port that is none.
std::optional<Url> parse_url(std::string_view text);
/// The address without user and password, otherwise as it was.
std::string without_userinfo(std::string_view url);

/// `%41` becomes `A`; what is no escape stays. `plus_is_space` as in forms.
std::string percent_decode(std::string_view text, bool plus_is_space);
/// As CouchDB quotes a database's name: letters, digits and `-._~` stay, a space becomes `+`.
std::string quote_plus(std::string_view text);

}  // namespace divan::replication
